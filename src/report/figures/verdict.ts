import type { AccuracyResult, LatencyResult, RunResult } from '../../results';
import type { Figure } from './figure';
import { isShare, metricName, metricUnit, metricValue } from '../metric';
import { wordsOf } from '../modes';
import { bytes, decibels, ms, percent, significant, times, timesWithin } from './numbers';
import { tableHtml, tableText, type Table } from './table';

const unmeasured = 'not measured';

/** What a run found, in a few rows: speed, accuracy, SQNR, size, and the share of MACs where the mode has integers. */
export function verdictTable(result: RunResult): Table {
  const { latency, accuracy, size, agreement } = result;
  const words = wordsOf(result);
  const rows: string[][] = [
    latency
      ? ['Latency', ms(latency.fp32Ms), ms(latency.int8Ms), speedUp(latency)]
      : ['Latency', unmeasured, unmeasured, ''],
    accuracy ? accuracyRow(accuracy) : ['Accuracy', unmeasured, unmeasured, ''],
    size
      ? ['Size', bytes(size.fp32), bytes(size.int8), percent(size.int8 / size.fp32)]
      : ['Size', unmeasured, unmeasured, ''],
  ];
  if (agreement)
    rows.push(['Same label as FP32', '', percent(agreement.value), `n = ${agreement.n}`]);
  for (const [output, value] of Object.entries(result.sqnrDb))
    rows.push([`SQNR of ${output}`, '', decibels(value), evaluatedOn(result)]);
  const mode = `mode ${result.mode}`;
  rows.push(
    words.integers
      ? ['MACs in INT8', '', percent(result.int8MacShare), mode]
      : ['Mode', '', '', mode],
  );
  return {
    columns: [
      { name: '' },
      { name: 'FP32', right: true },
      { name: words.column, right: true },
      { name: 'Difference' },
    ],
    rows,
    caption: result.calibration?.random
      ? 'Calibrated on random data: these numbers say nothing about real inputs.'
      : undefined,
  };
}

/** The verdict as a figure. */
export function verdictFigure(result: RunResult): Figure {
  const table = verdictTable(result);
  return {
    title: 'Before and after',
    plotly: null,
    svg: null,
    html: tableHtml(table),
    text: tableText(table),
  };
}

/** One line with the two numbers that people ask for first, e.g. `31.2 dB, 1.9 ×`; null before a run. */
export function verdictLine(result: RunResult): string | null {
  const parts: string[] = [];
  const noise = Object.values(result.sqnrDb);
  if (noise.length) parts.push(decibels(Math.min(...noise)));
  if (result.latency) parts.push(times(result.latency.speedup));
  if (!parts.length) return null;
  return parts.join(', ') + (result.calibration?.random ? ' (random data)' : '');
}

function speedUp({ speedup, low, high, verdict }: LatencyResult): string {
  const told = verdict === 'faster' ? '' : `, ${verdict}`;
  return timesWithin(speedup, low, high) + told;
}

function accuracyRow(accuracy: AccuracyResult): string[] {
  const { metric, fp32, int8, low, high, n } = accuracy;
  const share = isShare(metric);
  const show = (value: number | null) =>
    value === null ? significant(value) : share ? percent(value) : metricValue(accuracy, value);
  const [factor, unit] = share ? [100, ' pt'] : [1, metricUnit(accuracy)];
  const signed = (value: number) => `${value > 0 ? '+' : ''}${significant(value * factor)}`;
  const gap = fp32 === null ? '' : `${signed(int8 - fp32)}${unit} `;
  return [
    metricName(accuracy),
    show(fp32),
    show(int8),
    `${gap}(${signed(low)} … ${signed(high)}), n = ${n}${accuracy.unproven ? ', not proven' : ''}`,
  ];
}

function evaluatedOn({ evaluatedOn: on }: RunResult): string {
  if (!on) return '';
  return `n = ${on.samples}${on.heldBack ? ' held back from calibration' : ''}`;
}
