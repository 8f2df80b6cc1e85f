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

/** Where to scroll so that a row is wholly in view; the same place if it is. */
export function scrollTo(
  row: number,
  rowHeight: number,
  scrollTop: number,
  viewHeight: number,
): number {
  const top = row * rowHeight;
  if (top < scrollTop) return top;
  if (top + rowHeight > scrollTop + viewHeight) return Math.max(0, top + rowHeight - viewHeight);
  return scrollTop;
}
