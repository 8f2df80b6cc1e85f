import type { AccuracyResult, OutputMeasures, PairedGain } from '../results';
import type {
  LayerSensitivityRow,
  SensitivityMeasure,
  SensitivityReport,
  StageReport,
} from '../results-sensitivity';
import { escapeHtml } from './figures/figure';
import { db, decibels, notMeasured, percent, significant } from './figures/numbers';
import { tableHtml, type Table } from './figures/table';
import { page } from './html/page';
import { section } from './html/parts';
import type { Json } from './json-value';
import { metricName, metricValue } from './metric';
import { notesDocument, notesSection, notesText } from './notes';
import { snakeCased } from './snake';
import { usedColumns } from './summary-text';
import { terminalText } from './paragraphs';
import { terminalTable, type TerminalOptions } from './terminal';
import { comparedOn } from './words';

/** A measure of the outputs in a table. */
interface Shown {
  title: string;
  show: (found: OutputMeasures | null) => string;
}

/** How measures read; a metric stands beside the decibels. */
const MEASURES: Record<SensitivityMeasure, Shown> = {
  sqnr: { title: 'SQNR, dB', show: (found) => db(found?.sqnrDb) },
  cosine: {
    title: '1 − cosine',
    show: (found) => (found ? significant(1 - found.cosine) : notMeasured),
  },
  kl: { title: 'KL, nats', show: (found) => significant(found?.klNats) },
  'same-label': { title: 'same label', show: (found) => percent(found?.sameLabel) },
  metric: { title: 'SQNR, dB', show: (found) => db(found?.sqnrDb) },
};

/** Every layer, the worst first; columns that nothing is known of are left out. */
export function layerSensitivityTable(report: SensitivityReport): Table {
  const { layers, measure } = report;
  const named = nameOf(report) ?? '';
  const unit = report.wholeMetric?.own?.unit ? `, ${report.wholeMetric.own.unit}` : '';
  const { title, show } = MEASURES[measure];
  const row = (l: LayerSensitivityRow) => [
    l.layer,
    l.op,
    db(l.expectedDb),
    db(l.twoPassDb),
    show(l.onlyThis),
    show(l.weights),
    show(l.activations),
    show(l.allButThis),
    db(l.costsDb),
    db(l.madeDb),
    percent(l.cameIn?.share),
    db(l.cameIn?.gainDb),
    db(l.ownResult?.onlyThisDb),
    percent(l.share),
    metricText(l.metric?.onlyThis ?? null),
    metricText(l.metric?.allButThis ?? null),
    gainText(l.metric?.buys ?? null),
  ];
  const right = (name: string) => ({ name, right: true });
  return usedColumns({
    columns: [
      { name: 'Layer' },
      { name: 'Op' },
      right('expected, dB'),
      right('two-pass, dB'),
      right(`only this, ${title}`),
      right('weights'),
      right('inputs'),
      right('all but this'),
      right('costs, dB'),
      right('made, dB'),
      right('came in'),
      right('gain, dB'),
      right('result, dB'),
      right('noise'),
      right(`${named} only this${unit}`),
      right(`${named} all but this${unit}`),
      right(`buys${unit}`),
    ],
    rows: layers.map(row),
  });
}

/** The value with the interval of its difference to FP32. */
function metricText(found: AccuracyResult | null): string {
  if (!found) return notMeasured;
  return `${significant(found.int8)} (${signed(found.low)} … ${signed(found.high)})`;
}

/** What keeping a layer buys, with its interval. */
function gainText(gain: PairedGain | null): string {
  if (!gain) return notMeasured;
  const text = `${signed(gain.value)} (${signed(gain.low)} … ${signed(gain.high)})`;
  return gain.unproven ? `${text}, n too small to tell` : text;
}

/** What the metric that layers are compared by is called. */
function nameOf({ metric, wholeMetric }: SensitivityReport): string | null {
  return wholeMetric ? metricName(wholeMetric) : metric;
}

const signed = (value: number) => (value > 0 ? `+${significant(value)}` : significant(value));

/** How far it came and what it was read from, in a few sentences. */
export function sensitivitySentence(report: SensitivityReport): string {
  const { stages, measuredOn, runtime, stopped, shareBy, whole, wholeMetric } = report;
  const counted = stages.filter(({ of }) => of > 0).map(stageText);
  const all = [
    `${counted.join('; ')}; on ${comparedOn(measuredOn)} (onnxruntime-node ${runtime}).`,
    whole ? `The whole model in INT8 has ${decibels(whole.sqnrDb)}.` : '',
    wholeMetric ? metricSentence(wholeMetric) : '',
    shareBy && shareBy !== 'exact' ? `Shares of the noise are those of the stage ${shareBy}.` : '',
    stages.some(({ stage, ended }) => stage === 'two-pass' && ended === 'stopped')
      ? 'The stage two-pass was stopped: it tells of no layer before both passes have seen every sample.'
      : '',
    stopped
      ? 'stopped: the time was over before all was measured; this is the best so far, and the same command goes on.'
      : '',
  ];
  return all.filter((part) => part !== '').join(' ');
}

function metricSentence(whole: AccuracyResult): string {
  const { fp32, int8, n } = whole;
  const exact = fp32 === null ? '' : `, FP32’s ${metricValue(whole, fp32)}`;
  return `Its ${metricName(whole)} is ${metricValue(whole, int8)}${exact} (${n} samples; intervals are those of differences to FP32). What keeping a layer buys is the difference to the whole quantized model, more being better; where its interval holds zero, n is too small to tell.`;
}

/** How far one stage came, e.g. `exact 5 of 14 layers in 38 s (stopped)`. */
function stageText({ stage, measured, of, seconds, ended }: StageReport): string {
  const what = stage === 'metric' ? 'evaluations' : 'layers';
  if (ended === 'not-begun') return `${stage} not begun`;
  const cut = ended === 'stopped' ? ' (stopped)' : '';
  return `${stage} ${measured} of ${of} ${what} in ${significant(seconds)} s${cut}`;
}

/** What `vernier sensitivity` prints. */
export function sensitivityText(report: SensitivityReport, options: TerminalOptions = {}): string {
  return terminalText([
    terminalTable(layerSensitivityTable(report), options),
    sensitivitySentence(report),
    notesText(report.notes),
  ]);
}

/** The document that `vernier sensitivity --json` prints. */
export function sensitivityDocument(report: SensitivityReport): Json {
  return snakeCased({ ...report, notes: notesDocument(report.notes) });
}

/** The layers as a section of a report. Every text is escaped. */
export function sensitivitySection(report: SensitivityReport): string {
  const words = `<p>${escapeHtml(sensitivitySentence(report))}</p>`;
  const table = tableHtml(layerSensitivityTable(report));
  return section('sensitivity', 'Sensitivity of layers, measured', `${words}\n${table}`);
}

/** The layers as one HTML file that needs nothing from elsewhere. Every text is escaped. */
export function sensitivityHtml(report: SensitivityReport): string {
  const name = report.model.split(/[\\/]/).at(-1) ?? report.model;
  return page({
    title: `Sensitivity of the layers of ${name}`,
    head: `<p class="lead">${escapeHtml(sensitivitySentence(report))}</p>`,
    parts: [
      section('layers', 'Layers, the worst first', tableHtml(layerSensitivityTable(report))),
      section('columns', 'Columns', `<p>${escapeHtml(COLUMNS)}</p>`),
      notesSection(report.notes),
    ].filter((part) => part !== ''),
  });
}

const COLUMNS =
  'Expected and two-pass: output SQNR were only this layer quantized, from statistics, and from the noise that each layer makes and the noise that comes together. Only this, weights, inputs: the outputs with only this layer quantized, only its weights, only its inputs. All but this: the quantized model with just this layer in FP32, and the decibels that this gains (costs); buys: what it gains of the metric, sample by sample against the whole quantized model. Made: SQNR of its own output on exact inputs. Came in: the part of the noise at its output that came in with its inputs; gain: by how much that has grown, relative to the signal. Noise: its part of the noise of all layers.';
