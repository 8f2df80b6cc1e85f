import { COLUMNS, type Column, type ColumnId } from './columns';

/** What a narrow view leaves out, the first to go first: names, errors and what runs stay in sight. */
const FIRST_TO_GO: readonly ColumnId[] = ['weightSpan', 'kind', 'shape', 'macs', 'range'];
/** What the rows keep free at their sides, in pixels. */
const SIDES = 18;

/** Estimates beside what is better than they are, the roughest first. */
function superseded(shown: readonly Column[]): ColumnId[] {
  const stages: readonly ColumnId[] = ['expected', 'twoPass', 'onlyThis'];
  return stages.filter((id) => shown.some((column) => column.id === id)).slice(0, -1);
}

/** The least width of columns side by side, in pixels. */
export function leastWidth(columns: readonly Column[]): number {
  return columns.reduce((sum, c) => sum + Number(/\d+/.exec(c.width)?.[0] ?? 60), 0);
}

/**
 * Columns of the table of layers that were chosen, and the usual ones as far as the width allows. @param besides columns that
 * are usual now, since they have just been filled
 */
export function fittingColumns(
  width: number,
  chosen: Partial<Record<ColumnId, boolean>>,
  besides: ReadonlySet<ColumnId> = new Set(),
): readonly Column[] {
  let shown = COLUMNS.filter(({ id, shown: usual }) => chosen[id] ?? (usual || besides.has(id)));
  for (const id of [...FIRST_TO_GO, ...superseded(shown)]) {
    if (leastWidth(shown) + SIDES <= width) break;
    if (chosen[id] === undefined) shown = shown.filter((column) => column.id !== id);
  }
  return shown;
}
