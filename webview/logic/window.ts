/** The rows of a long list that must exist now. */
export interface ListWindow {
  /** First row and one past the last. */
  start: number;
  end: number;
  /** Height of the whole list in pixels. */
  height: number;
}

/** Rows of equal height in view, with `spare` more on either side. */
export function listWindow(
  count: number,
  rowHeight: number,
  scrollTop: number,
  viewHeight: number,
  spare = 8,
): ListWindow {
  const first = Math.floor(Math.max(0, scrollTop) / rowHeight);
  const last = Math.ceil((Math.max(0, scrollTop) + viewHeight) / rowHeight);
  const end = Math.min(count, last + spare);
  return { start: Math.max(0, Math.min(first - spare, end)), end, height: count * rowHeight };
}

/** Where to scroll so that a row is wholly in view: not at all, by a row, or, from afar, to the middle. */
export function scrollTo(
  row: number,
  rowHeight: number,
  scrollTop: number,
  viewHeight: number,
): number {
  const top = row * rowHeight;
  const bottom = top + rowHeight - viewHeight;
  if (top >= scrollTop && bottom <= scrollTop) return scrollTop;
  const away = Math.max(scrollTop - top, bottom - scrollTop);
  if (away > 2 * rowHeight) return Math.max(0, top - Math.floor(viewHeight / 2));
  return Math.max(0, top < scrollTop ? top : bottom);
}
