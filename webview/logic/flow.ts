/** Where rows of unequal height stand: `tops[i]` is the upper edge of row i, the last entry the height of all. */
export function flowTops(heights: readonly number[]): Float64Array {
  const tops = new Float64Array(heights.length + 1);
  for (let i = 0; i < heights.length; i++) tops[i + 1] = tops[i]! + heights[i]!;
  return tops;
}

/** Rows in view, from `start` to one before `end`, with `spare` pixels more on either side. */
export function flowWindow(
  tops: Float64Array,
  scrollTop: number,
  viewHeight: number,
  spare = 240,
): { start: number; end: number } {
  const count = tops.length - 1;
  const low = Math.max(0, scrollTop) - spare;
  const high = Math.max(0, scrollTop) + viewHeight + spare;
  const start = Math.max(0, firstAbove(tops, low) - 1);
  const end = Math.min(count, firstAbove(tops, high));
  return { start: Math.min(start, end), end };
}

/** Where to scroll so that a row is wholly in view: not at all, just so far, or, from afar, to the middle. */
export function flowScroll(
  tops: Float64Array,
  row: number,
  scrollTop: number,
  viewHeight: number,
): number {
  const top = tops[row]!;
  const bottom = tops[row + 1]!;
  const least = bottom - viewHeight;
  if (top >= scrollTop && least <= scrollTop) return scrollTop;
  const away = Math.max(scrollTop - top, least - scrollTop);
  if (away > 2 * (bottom - top)) return Math.max(0, top - Math.floor(viewHeight / 2));
  return Math.max(0, top < scrollTop ? top : least);
}

/** Index of the first entry above a value; their number where none is. */
function firstAbove(tops: Float64Array, value: number): number {
  let [low, high] = [0, tops.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tops[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
