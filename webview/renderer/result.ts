import type { NotebookResultData } from '../../src/protocol';
import { columnUnit, COLUMNS, type ColumnId } from '../logic/columns';
import { bytes, db, fixed, NONE, percent, significant, timesDigits } from '../logic/format';
import { accuracyGap, worstOutput } from '../logic/measures';
import { joinRows, type LayerRow } from '../logic/rows';
import { PALETTES, step, type Theme } from '../logic/scale';
import { en } from '../l10n/en';
import { zhCn } from '../l10n/zh-cn';
import type { TextKey } from '../l10n/phrase';
import STYLE from './style';

const SHOWN: readonly ColumnId[] = [
  'name',
  'kind',
  'shape',
  'macs',
  'executed',
  'local',
  'accumulated',
  'share',
  'costs',
];
const MOST = 200;

function themeNow(): Theme {
  const classes = document.body.classList;
  if (classes.contains('vscode-high-contrast-light')) return 'hc-light';
  if (classes.contains('vscode-high-contrast')) return 'hc-dark';
  return classes.contains('vscode-light') ? 'light' : 'dark';
}

/** A result as a compact table with the strip's numbers on top; large models show their worst layers. */
export function drawResult(data: NotebookResultData, element: HTMLElement): void {
  const text = document.documentElement.lang.toLowerCase().startsWith('zh') ? zhCn : en;
  const rows = joinRows(data.summary, data.result, []);
  const measured = rows.filter((row) => row.share !== null || row.accumulated !== null);
  const shown =
    rows.length <= MOST
      ? rows
      : [...measured].sort((a, b) => (b.share ?? 0) - (a.share ?? 0)).slice(0, MOST);
  const box = make('div', 'vernier-result');
  box.append(make('style', '', STYLE), strip(data, text));
  const table = make('table');
  const columns = COLUMNS.filter((column) => SHOWN.includes(column.id));
  const head = make('tr');
  for (const column of columns) {
    const unit = column.id === 'macs' ? columnUnit(rows, 'macs')[1] : '';
    const cell = make(
      'th',
      column.align,
      text[`col.${column.id}` as TextKey] + (unit && `, ${unit}`),
    );
    cell.title = text[`tip.${column.id}` as TextKey];
    head.append(cell);
  }
  table.append(head, ...shown.map((row) => line(row, columns, rows)));
  box.append(table);
  if (shown.length < rows.length)
    box.append(make('p', 'dim', `${text['overview.worst']}: ${shown.length} / ${rows.length}`));
  element.replaceChildren(box);
}

function line(row: LayerRow, columns: typeof COLUMNS, all: readonly LayerRow[]): HTMLElement {
  const { fill, ink } = PALETTES[themeNow()];
  const tr = make('tr', row.result?.hurts ? 'hurts' : '');
  for (const column of columns) {
    const words =
      column.id === 'macs'
        ? row.macs === null
          ? NONE
          : significant(row.macs / columnUnit(all, 'macs')[0])
        : column.text(row);
    const cell = make('td', column.align, words);
    const value = column.by(row);
    const at = column.heat && typeof value === 'number' ? step(column.heat, value) : null;
    if (at !== null) {
      cell.style.background = fill[at];
      cell.style.color = ink[at];
    }
    tr.append(cell);
  }
  return tr;
}

function strip({ result }: NotebookResultData, text: Record<TextKey, string>): HTMLElement {
  const { latency, accuracy, size, agreement } = result;
  const gap = accuracy && accuracyGap(accuracy);
  const worst = worstOutput(result);
  const chips: [string, string][] = [];
  if (result.calibration?.random) chips.push([text['header.random'], '']);
  if (latency) {
    const digits = timesDigits(latency.speedup);
    chips.push([
      `${fixed(latency.speedup, digits)} ×`,
      `${fixed(latency.low, digits)} … ${fixed(latency.high, digits)}`,
    ]);
  }
  if (accuracy && gap)
    chips.push([`${gap.text} ${gap.unit}`, `${gap.low} … ${gap.high}, n = ${accuracy.n}`]);
  else if (agreement) chips.push([`${percent(agreement.value)} %`, `n = ${agreement.n}`]);
  if (worst) chips.push([`${db(worst.db)} dB`, worst.name]);
  if (size)
    chips.push([
      `${percent(size.int8 / size.fp32)} %`,
      `${bytes(size.int8)} / ${bytes(size.fp32)}`,
    ]);
  if (result.int8MacShare !== null)
    chips.push([`${percent(result.int8MacShare)} %`, text['chip.macsDetail']]);
  const box = make('p', 'strip');
  for (const [value, detail] of chips) {
    const chip = make('span', detail ? '' : 'bad');
    chip.append(make('b', '', value), ` ${detail}`);
    box.append(chip);
  }
  return box;
}

function make(tag: string, name = '', words?: string): HTMLElement {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (words !== undefined) element.textContent = words;
  return element;
}
