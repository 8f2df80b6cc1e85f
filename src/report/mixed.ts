import type { AccuracyResult } from '../results';
import type { LayerSensitivity, MixedPlan, MixedPrecision } from '../results-mixed';
import { escapeHtml } from './figures/figure';
import { bytes, db, notMeasured, percent, significant, timesWithin } from './figures/numbers';
import { tableHtml, type Table } from './figures/table';
import { page } from './html/page';
import { speedDocument } from './latency';
import { section } from './html/parts';
import type { Json } from './json-value';
import { metricName, metricValue } from './metric';
import { notesDocument, notesSection, notesText } from './notes';
import { snakeCased } from './snake';
import { terminalText } from './paragraphs';
import { terminalTable, type TerminalOptions } from './terminal';
import { comparedOn } from './words';

/** So many layers are listed, the loudest first. */
const LISTED = 12;

/** What each layer does alone, the loudest first. */
export function sensitivityTable({ layers }: MixedPrecision, most = LISTED): Table {
  const loudest = [...layers]
    .sort((a, b) => (b.noiseShare ?? 0) - (a.noiseShare ?? 0))
    .slice(0, most);
  const row = (l: LayerSensitivity) => [
    l.layer,
    l.op,
    db(l.onlyThisDb),
    db(l.weightsDb),
    db(l.activationsDb),
    percent(l.noiseShare),
    l.sameLabel === null ? notMeasured : percent(l.sameLabel),
    l.slower === null ? notMeasured : l.slower ? 'slower in INT8' : '',
  ];
  return {
    columns: [
      { name: 'Layer alone in INT8' },
      { name: 'Operator' },
      { name: 'SQNR, dB', right: true },
      { name: 'weights', right: true },
      { name: 'inputs', right: true },
      { name: 'noise', right: true },
      { name: 'same label', right: true },
      { name: 'here' },
    ],
    rows: loudest.map(row),
  };
}

/** The best plan of each size, those that nothing beats, and the one to take. */
export function planTable(result: MixedPrecision): Table {
  const { plans, recommended, fp32Bytes } = result;
  const shown = plans.filter((p, i) => p.best || p.pareto || i === recommended || i === 0);
  const row = (p: MixedPlan) => [
    p === plans[recommended] ? '←' : p.pareto ? 'Pareto' : '',
    String(p.choices.length),
    p.choices.length === 0 ? 'none' : choiceText(p),
    db(p.predictedDb),
    db(p.measured.sqnrDb),
    p.measured.sameLabel === null ? notMeasured : percent(p.measured.sameLabel),
    bytes(p.bytes),
    percent(p.bytes / fp32Bytes),
    p.latency ? significant(p.latency.int8P50) : notMeasured,
    p.latency ? `${p.latency.speedup.toFixed(2)} ×` : notMeasured,
  ];
  return {
    columns: [
      { name: '' },
      { name: 'Layers', right: true },
      { name: 'Out of INT8' },
      { name: 'expected dB', right: true },
      { name: 'measured', right: true },
      { name: 'same label', right: true },
      { name: 'Size', right: true },
      { name: 'of FP32', right: true },
      { name: 'p50, ms', right: true },
      { name: 'Speed-up', right: true },
    ],
    rows: shown.map(row),
  };
}

/** The layers of a plan; of 16-bit ones it is said where the runtime computes them in float all the same. */
function choiceText({ choices, executed }: MixedPlan): string {
  return choices
    .map(({ layer, precision }) => {
      if (precision !== 'int16') return layer;
      return executed?.[layer] === 'float32'
        ? `${layer} (INT16, runs in FP32)`
        : `${layer} (INT16)`;
    })
    .join(', ');
}

function accuracyText(accuracy: AccuracyResult): string {
  const { fp32, int8, n } = accuracy;
  const from = fp32 === null ? '' : `goes from ${metricValue(accuracy, fp32)} to `;
  return `${metricName(accuracy)} ${from}${metricValue(accuracy, int8)} (${n} samples).`;
}

/** That a plan has no gain in speed over FP32, and its size where it has none in that, too; empty where it is faster, or was not timed. */
function besideFp32({ latency, bytes: size }: MixedPlan, fp32Bytes: number): string {
  if (!latency || latency.verdict === 'faster') return '';
  const { speedup, low, high, verdict } = latency;
  const speed = timesWithin(speedup, low, high);
  const slow =
    verdict === 'not proven'
      ? 'is not proven to be faster than FP32'
      : 'is not faster than FP32 here';
  const share = percent(size / fp32Bytes);
  return size < fp32Bytes
    ? ` It ${slow}, ${speed}, at ${share} of the size.`
    : ` It ${slow}, ${speed}, nor smaller, at ${share} of the size: FP32 itself is the better model.`;
}

/** What to take and why, and what it was read from, in a few sentences. */
export function planSentence(result: MixedPrecision): string {
  const { plans, recommended, reason, measuredOn, stopped, machine, runtime } = result;
  const plan = plans[recommended]!;
  const take = plan.choices.length === 0 ? 'All layers stay in INT8' : `Take: ${choiceText(plan)}`;
  const accuracy = plan.accuracy ? ` ${accuracyText(plan.accuracy)}` : '';
  const beside = besideFp32(plan, result.fp32Bytes);
  const on = comparedOn(measuredOn);
  const end = stopped ? ' The time was over before all was tried: this is the best so far.' : '';
  return `${take}: ${reason}.${beside}${accuracy} Each plan was run, on ${on} (${machine}, onnxruntime-node ${runtime}).${end}`;
}

/** The plans as a section of a report. Every text is escaped. */
export function plansSection(result: MixedPrecision): string {
  const words = `<p>${escapeHtml(planSentence(result))}</p>`;
  return section('plans', 'Mixed precision', `${words}\n${tableHtml(planTable(result))}`);
}

/** What `vernier plan` prints. */
export function mixedText(result: MixedPrecision, options: TerminalOptions = {}): string {
  return terminalText([
    terminalTable(sensitivityTable(result), options),
    terminalTable(planTable(result), options),
    planSentence(result),
    notesText(result.notes),
  ]);
}

/** The document that `vernier plan --json` prints. */
export function mixedDocument(result: MixedPrecision): Json {
  const plans = result.plans.map(({ latency, ...plan }) => ({
    ...plan,
    latency: latency && { ...speedDocument(latency), threads: latency.threads },
  }));
  return snakeCased({ ...result, plans, notes: notesDocument(result.notes) });
}

/** The plans as one HTML file that needs nothing from elsewhere. Every text is escaped. */
export function mixedHtml(result: MixedPrecision): string {
  const name = result.model.split(/[\\/]/).at(-1) ?? result.model;
  const all = sensitivityTable(result, result.layers.length);
  return page({
    title: `Mixed precision for ${name}`,
    head: `<p class="lead">${escapeHtml(planSentence(result))}</p>`,
    parts: [
      section('plans', 'Plans', tableHtml(planTable(result))),
      section('layers', 'Layers, each alone in INT8', tableHtml(all)),
      notesSection(result.notes),
    ].filter((part) => part !== ''),
  });
}
