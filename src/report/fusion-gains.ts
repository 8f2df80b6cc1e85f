import type { FusionGain, FusionMeasurement, FusionTimes } from '../results';
import { escapeHtml } from './figures/figure';
import { ms } from './figures/numbers';
import { tableHtml, type Table } from './figures/table';
import { section } from './html/parts';
import type { Json } from './json-value';
import { snakeCased } from './snake';
import { terminalTable, type TerminalOptions } from './terminal';
import { sourceName, threadsText } from './words';

/** What each optimizer of the runtime gains, and all of them: the same model without and with it. */
export function gainsTable({ whole, gains }: FusionMeasurement): Table {
  const row = (name: string, what: string, one: FusionTimes) => [
    ...[name, what, `${one.nodes.without} → ${one.nodes.with}`],
    ...[ms(one.withoutMs), ms(one.withMs), `${one.times.toFixed(2)} ×`],
    `${one.low.toFixed(2)} … ${one.high.toFixed(2)}`,
    gainVerdict(one),
  ];
  return {
    columns: [
      ...[{ name: 'Without' }, { name: 'Comes apart' }, { name: 'Nodes', right: true }],
      ...['ms without', 'ms with', 'Gain', 'interval'].map((name) => ({ name, right: true })),
      { name: '' },
    ],
    rows: [
      row('all optimization', 'everything', whole),
      ...gains.map((gain) => row(gain.optimizer, patternsText(gain), gain)),
    ],
  };
}

/** Which groups come apart, e.g. `27 Conv+Activation, 1 MatMul+Add`. */
export function patternsText({ patterns }: FusionGain): string {
  return patterns.map(({ pattern, fusions }) => `${fusions} ${pattern}`).join(', ');
}

/** Whether the interval tells faster from slower. */
function gainVerdict({ low, high }: FusionTimes): string {
  if (low > 1) return '';
  return high < 1 ? 'slower with it here' : 'no difference proven';
}

/** What it was measured on, and what could not be measured, in sentences. */
export function gainsSentence(measured: FusionMeasurement): string {
  const { whole, gains, data, random, threads, machine, runtime, idle } = measured;
  const on = random ? 'random input' : `a sample of ${sourceName(data)}`;
  const fewest = Math.min(whole.pairs, ...gains.map(({ pairs }) => pairs));
  const others =
    idle.length === 0
      ? ''
      : ` Without ${idle.join(', ')} nothing comes apart: they had no part in it, or others do their work then.`;
  return (
    `Each against the model with all optimization, interleaved, ${fewest} runs or more of both, on ${on} ` +
    `(${machine}, ${threadsText(threads)}, onnxruntime-node ${runtime}). The gains of optimizers that build on one another do not add up.${others}`
  );
}

/** What `vernier fusions --measure` adds. */
export function gainsText(measured: FusionMeasurement, options: TerminalOptions = {}): string {
  const table = { ...gainsTable(measured), caption: 'What fusing gains, measured' };
  return `${terminalTable(table, options)}\n\n${gainsSentence(measured)}`;
}

/** The gains as a section of a report. Every text is escaped. */
export function gainsSection(measured: FusionMeasurement): string {
  const told = `<p>${escapeHtml(gainsSentence(measured))}</p>`;
  return section('gains', 'What fusing gains', `${tableHtml(gainsTable(measured))}\n${told}`);
}

/** The gains in documents. */
export function gainsDocument(measured: FusionMeasurement): Json {
  return snakeCased(measured);
}
