import type { RunResult } from '../results';
import { significant } from './figures/numbers';
import type { Table } from './figures/table';
import { verdictTable } from './figures/verdict';
import { wordsOf } from './modes';
import { roundedRow } from './rounded';
import { withoutVnniRow } from './without-vnni';

/** Before and after: layers, MACs, size, latency with its spread and tail, accuracy with its interval, SQNR. */
export function beforeAfterTable(result: RunResult): Table {
  const table = verdictTable(result);
  const { latency, layers } = result;
  const integer = layers.filter((l) => (l.executed ?? l.precision) !== 'float32').length;
  const rows = [
    ['Layers', String(layers.length), `${integer} ${wordsOf(result).became}`, kept(result)],
    ...table.rows,
  ];
  if (latency) {
    const threads = latency.threads === 0 ? "the runtime's threads" : `threads: ${latency.threads}`;
    const tail = (p50: number, p99: number) => `${significant(p50)} / ${significant(p99)}`;
    const at = rows.findIndex(([name]) => name === 'Latency') + 1;
    rows.splice(at, 0, [
      'p50 / p99, ms',
      tail(latency.fp32P50, latency.fp32P99),
      tail(latency.int8P50, latency.int8P99),
      `${latency.pairs} pairs, ${threads}`,
    ]);
  }
  const labels = labelsRow(result);
  if (labels) rows.push(labels);
  const without = withoutVnniRow(result);
  if (without) rows.push(without);
  const rounded = roundedRow(result);
  if (rounded) rows.push(rounded);
  return { ...table, rows };
}

/** Labels that changed for the worse and for the better, with McNemar's test; null where none were compared. */
function labelsRow({ accuracy }: RunResult): string[] | null {
  const labels = accuracy?.labels;
  if (!labels) return null;
  const { lost, gained, p } = labels;
  const chance = p < 0.001 ? 'p < 0.001' : `p = ${significant(p)}`;
  return ['Right in one alone', String(lost), String(gained), `McNemar, exact: ${chance}`];
}

function kept({ layers }: RunResult): string {
  const count = layers.filter(({ wish }) => wish === 'keep').length;
  return count > 0 ? `${count} kept in FP32` : '';
}
