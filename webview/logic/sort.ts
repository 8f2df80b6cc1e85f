import { COLUMNS, type ColumnId } from './columns';
import type { LayerRow } from './rows';

/** What a table is sorted by; null is graph order. */
export type Sort = { column: ColumnId; descending: boolean } | null;

/** Columns whose worst value is the smallest: the first click puts that on top. */
const ASCENDING_FIRST: ReadonlySet<ColumnId> = new Set([
  'name',
  'kind',
  'written',
  'executed',
  'kernel',
  'local',
  'accumulated',
  'onlyThis',
  'expected',
  'twoPass',
  'onlyWeights',
  'onlyInputs',
  'sameLabel',
  'used',
  'cosine',
  'reason',
]);

/** The sort after a click on a column's head: worst first, the other way, graph order. */
export function nextSort(current: Sort, column: ColumnId): Sort {
  const first = !ASCENDING_FIRST.has(column);
  if (current?.column !== column) return { column, descending: first };
  return current.descending === first ? { column, descending: !first } : null;
}

/** Rows in order; equal ones stay in graph order and unmeasured ones go last either way. */
export function sortRows(rows: readonly LayerRow[], sort: Sort): readonly LayerRow[] {
  const column = sort && COLUMNS.find(({ id }) => id === sort.column);
  if (!column) return rows;
  const sign = sort.descending ? -1 : 1;
  const keyed = rows.map((row) => ({ row, key: column.by(row) }));
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null)
      return Number(a.key === null) - Number(b.key === null) || a.row.index - b.row.index;
    const order =
      typeof a.key === 'number' && typeof b.key === 'number'
        ? a.key - b.key
        : collator.compare(String(a.key), String(b.key));
    return sign * order || a.row.index - b.row.index;
  });
  return keyed.map(({ row }) => row);
}

const collator = new Intl.Collator('en', { numeric: true });
