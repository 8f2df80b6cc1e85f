import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../../l10n';
import type { TextKey } from '../../l10n/phrase';
import { COLUMNS, type Column } from '../../logic/columns';
import { csv } from '../../logic/csv';
import { fittingColumns } from '../../logic/fit';
import type { LayerRow } from '../../logic/rows';
import { LayerTable } from '../parts/LayerTable';
import { Icon, Legend } from '../parts/marks';
import { Search } from '../parts/Search';
import { columns, copy, filledColumns, layerRows, layerSort, state, viewWidth } from '../store';
import { SensitivityNote } from './SensitivityNote';

const RAW = new Set(['range', 'shape', 'bounds', 'precision']);

/** Rows as CSV: raw numbers where a column sorts by one, text elsewhere; not measured is empty. */
export function tableCsv(shown: readonly Column[], rows: readonly LayerRow[]): string {
  return csv(
    shown.map((column) => column.id),
    rows.map((row) =>
      shown.map((column) => {
        if (RAW.has(column.id)) return column.text(row) === '·' ? null : column.text(row);
        return column.by(row);
      }),
    ),
  );
}

/** Which one? A table that can be sorted by anything. */
export function LayersView() {
  const shown = fittingColumns(viewWidth.value, columns.value, filledColumns.value);
  const rows = layerRows.value;
  const now = state.value;
  return (
    <>
      <div class="tools">
        <Search shown={rows.length} />
        <span class="space" />
        <Legend measures={shown.flatMap((column) => column.heat ?? [])} />
        <Chooser />
        <button
          type="button"
          class="icon"
          data-testid="copy-csv"
          title={t('layers.copy')}
          aria-label={t('layers.copy')}
          onClick={() => void copy(tableCsv(shown, rows), t('layers.csv', { n: rows.length }))}
        >
          <Icon name="copy" />
        </button>
      </div>
      {now?.sensitivity && <SensitivityNote report={now.sensitivity} when={now.sensitivityWhen} />}
      <LayerTable
        label={t('view.layers')}
        columns={shown}
        rows={rows}
        sort={layerSort.value}
        onSort={(sort) => (layerSort.value = sort)}
        rowHeight={22}
        testid="layers-table"
      />
    </>
  );
}

function Chooser() {
  const open = useSignal(false);
  const ref = useRef<HTMLDivElement>(null);
  const opened = open.value;
  useEffect(() => {
    if (!opened) return;
    const close = (event: Event) => {
      if (!ref.current?.contains(event.target as Node)) open.value = false;
    };
    window.addEventListener('pointerdown', close);
    return () => window.removeEventListener('pointerdown', close);
  }, [opened]);
  return (
    <div
      class="more"
      ref={ref}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !opened) return;
        open.value = false;
        event.stopPropagation();
      }}
    >
      <button
        type="button"
        class="icon"
        data-testid="columns"
        title={t('layers.columns')}
        aria-label={t('layers.columns')}
        aria-haspopup="dialog"
        aria-expanded={opened}
        onClick={() => (open.value = !opened)}
      >
        <Icon name="list-selection" />
      </button>
      {opened && (
        <div class="menu right columns" role="dialog" aria-label={t('layers.columns')}>
          {COLUMNS.filter(({ id }) => id !== 'name' && id !== 'precision').map((column) => {
            const on =
              columns.value[column.id] ?? (column.shown || filledColumns.value.has(column.id));
            return (
              <vscode-checkbox
                key={column.id}
                checked={on}
                data-testid={`column-${column.id}`}
                onChange={(event: Event) => {
                  const checked = (event.target as HTMLInputElement).checked;
                  columns.value = { ...columns.value, [column.id]: checked };
                }}
              >
                {t(`col.${column.id}` as TextKey)}
                <span class="dim small"> {t(`tip.${column.id}` as TextKey)}</span>
              </vscode-checkbox>
            );
          })}
        </div>
      )}
    </div>
  );
}
