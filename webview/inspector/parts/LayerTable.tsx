import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { t } from '../../l10n';
import type { TextKey } from '../../l10n/phrase';
import { columnUnit, type Column, type ColumnId } from '../../logic/columns';
import { leastWidth } from '../../logic/fit';
import { NONE, significant } from '../../logic/format';
import type { LayerRow } from '../../logic/rows';
import { step } from '../../logic/scale';
import { nextSort, type Sort } from '../../logic/sort';
import { rows as allRows, select, selected } from '../store';
import { Canvas } from './Canvas';
import { sparkline } from './draw';
import { Icon, Name, PrecisionSwitch } from './marks';
import { VirtualList } from './VirtualList';

interface Props {
  label: string;
  columns: readonly Column[];
  rows: readonly LayerRow[];
  sort: Sort;
  onSort: (sort: Sort) => void;
  rowHeight: number;
  testid: string;
  /** Titles that a view writes in its own words. */
  titles?: Partial<Record<ColumnId, string>>;
  /** Cells that a view draws in its own way. */
  cell?: (column: Column, row: LayerRow) => ComponentChildren;
}

const HEAD = 24;
/** Column title, e.g. `MACs, M`. */
function title(column: Column): string {
  const name = t(`col.${column.id}` as TextKey);
  if (column.id !== 'macs' && column.id !== 'parameters') return name;
  const unit = columnUnit(allRows.value, column.id)[1];
  return unit ? `${name}, ${unit}` : name;
}

/** A sortable table of layers that only holds the rows in sight. */
export function LayerTable({
  label,
  columns,
  rows,
  sort,
  onSort,
  rowHeight,
  testid,
  titles,
  cell,
}: Props) {
  const tracks = columns.map((column) => column.width).join(' ');
  const least = leastWidth(columns);
  const chosen = selected.value;
  const follow = chosen === null ? null : rows.findIndex((row) => row.name === chosen);
  const head = (
    <div class="head" role="row" style={{ gridTemplateColumns: tracks, minWidth: `${least}px` }}>
      {columns.map((column) => {
        const sorted = sort?.column === column.id ? sort : null;
        return (
          <button
            key={column.id}
            type="button"
            role="columnheader"
            tabIndex={-1}
            class={`${column.align} ${sorted ? 'sorted' : ''}`}
            data-testid={`sort-${column.id}`}
            aria-sort={sorted ? (sorted.descending ? 'descending' : 'ascending') : 'none'}
            title={t(`tip.${column.id}` as TextKey)}
            onClick={() => onSort(nextSort(sort, column.id))}
          >
            <span>{column.id === 'precision' ? '' : (titles?.[column.id] ?? title(column))}</span>
            {sorted && <Icon name={sorted.descending ? 'arrow-down' : 'arrow-up'} />}
          </button>
        );
      })}
    </div>
  );
  return (
    <VirtualList
      class="table"
      role="grid"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length}
      aria-activedescendant={chosen === null ? undefined : `row-${testid}`}
      tabIndex={0}
      data-testid={testid}
      count={rows.length}
      rowHeight={rowHeight}
      follow={follow}
      head={head}
      headHeight={HEAD}
      minWidth={`${least}px`}
      row={(index, top) => {
        const row = rows[index];
        if (!row) return null;
        const on = row.name === chosen;
        return (
          <div
            key={row.name}
            id={on ? `row-${testid}` : undefined}
            class={`row ${on ? 'on' : ''} ${row.result?.hurts ? 'hurts' : ''}`}
            role="row"
            aria-rowindex={index + 2}
            aria-selected={on}
            data-testid="layer-row"
            data-layer={row.name}
            style={{
              gridTemplateColumns: tracks,
              height: `${rowHeight}px`,
              lineHeight: `${rowHeight}px`,
              transform: `translateY(${top}px)`,
            }}
            onClick={() => select(row.name)}
          >
            {columns.map((column) => (
              <Cell key={column.id} column={column} row={row} own={cell?.(column, row)} />
            ))}
          </div>
        );
      }}
    />
  );
}

function Cell({ column, row, own }: { column: Column; row: LayerRow; own?: ComponentChildren }) {
  const kind = `cell ${column.align} c-${column.id}`;
  const value = column.by(row);
  if (own !== undefined)
    return (
      <div class={kind} role="gridcell">
        {own}
      </div>
    );
  if (column.heat && typeof value === 'number')
    return (
      <div
        class={`${kind} heat`}
        role="gridcell"
        data-testid={`heat-${column.id}`}
        data-layer={row.name}
        data-step={step(column.heat, value) ?? undefined}
      >
        {column.text(row)}
      </div>
    );
  return (
    <div
      class={kind}
      role="gridcell"
      title={column.align === 'start' ? column.text(row) : undefined}
    >
      {content(column, row)}
    </div>
  );
}

/** The sparkline of a range as wide as its column. */
function Spark({ column, counts }: { column: Column; counts: readonly number[] }) {
  const draw = useMemo(() => sparkline(counts), [counts]);
  return <Canvas class="spark" size={[parseInt(column.width, 10) - 14, 16]} draw={draw} />;
}

function content(column: Column, row: LayerRow): ComponentChildren {
  switch (column.id) {
    case 'name':
      return <Name name={row.name} />;
    case 'precision':
      return <PrecisionSwitch row={row} />;
    case 'range':
      return row.range?.sparkline.length ? (
        <Spark column={column} counts={row.range.sparkline} />
      ) : (
        NONE
      );
    case 'macs':
    case 'parameters': {
      const value = row[column.id];
      return value === null ? NONE : significant(value / columnUnit(allRows.value, column.id)[0]);
    }
    case 'executed':
      return row.differs ? (
        <span class="loud" data-testid="differs">
          <Icon name="warning" /> {column.text(row)}
        </span>
      ) : (
        column.text(row)
      );
    default:
      return column.text(row);
  }
}
