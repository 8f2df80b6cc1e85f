import { blockerText, breaksTable, byStatus, fuserText, savedText } from '../fusions';
import { calibrationText } from '../calibration';
import type { LayerResult, ModelSummary, RunResult } from '../../results';
import { escapeHtml } from '../figures/figure';
import { errorsTable, matchSentence } from '../figures/errors';
import { badge, badgeLegend, shiftText } from '../figures/layers';
import { bytes, count, db, percent, significant } from '../figures/numbers';
import { narrower, notFiniteText } from '../figures/ranges';
import { choiceSentence, choiceTable } from '../choice';
import { searchSection } from '../search';
import { causeText, kernelTable, layerTimesTable, slowerLines } from '../latency';
import { wordsOf } from '../modes';
import { notesItems } from '../notes';
import { verificationText } from '../verification';
import { costOf, estimatedBy, worstFive } from '../sentence';
import { beforeAfterTable } from '../before-after';
import { withoutVnniText } from '../without-vnni';
import { colourOfPart, latencyBars, sparkline, stack } from './charts';
import { name, section, table, type Cell } from './parts';

/** Before and after, with the limits of the recipe. */
export function beforeAfter(result: RunResult): string {
  const { columns, rows } = beforeAfterTable(result);
  const limits = result.limits.map(({ limit, wanted, got, met }): Cell[] => [
    limit,
    significant(wanted),
    significant(got),
    met === null
      ? 'not measured'
      : { html: met ? '<span class="good">met</span>' : '<b class="bad">not met</b>' },
  ]);
  const bars = result.latency ? latencyBars(result.latency, wordsOf(result).column) : '';
  const limitTable =
    limits.length === 0
      ? ''
      : table(
          [
            { name: 'Limit' },
            { name: 'Wanted', right: true },
            { name: 'Got', right: true },
            { name: '' },
          ],
          limits,
          'Limits of the recipe',
        );
  return section(
    'verdict',
    'Before and after',
    [table(columns, rows), bars, limitTable].join('\n'),
  );
}

/** Where the time goes, by kernel and by layer. */
export function times(result: RunResult): string {
  const { latency } = result;
  const profile = latency?.profile;
  const written = wordsOf(result).column;
  if (!profile) return '';
  const kernels = kernelTable(profile, latency, written);
  const layers = layerTimesTable(profile, written);
  const why = causeText(profile.cause);
  const slower = slowerLines(profile).map((line) => `<li>${escapeHtml(line)}.</li>`);
  const content = [
    why === '' ? '' : `<p>In the written model ${escapeHtml(why)}.</p>`,
    slower.length > 0 ? `<ul>${slower.join('\n')}</ul>` : '',
    table(kernels.columns, kernels.rows, kernels.caption),
    table(
      layers.columns,
      layers.rows,
      'A layer that runs in the kernel of another is compared together with it.',
    ),
  ];
  return section('times', 'Where the time goes', content.filter((part) => part !== '').join('\n'));
}

/** Every mode that was measured, and why one won. */
export function choice({ choice: chosen, search }: RunResult): string {
  if (search) return searchSection(search);
  if (!chosen) return '';
  const { columns, rows } = choiceTable(chosen);
  const content = `<p>${escapeHtml(choiceSentence(chosen))}</p>\n${table(columns, rows)}`;
  return section('choice', 'How the mode was chosen', content);
}

/** The layers that hurt most, each with its reason. */
export function worst(result: RunResult): string {
  const items = worstFive(result).map(
    (layer) =>
      `<li><span class="name">${escapeHtml(layer.name)}</span> (${escapeHtml(layer.kind)}) ${escapeHtml(costOf(layer))}${layer.hurts ? ' · <b class="bad">hurts</b>' : ''}</li>`,
  );
  return section(
    'worst',
    'Layers that cost most',
    items.length === 0 ? '' : `<ol>${items.join('\n')}</ol>`,
  );
}

interface Measure {
  title: string;
  of: (layer: LayerResult) => number | null;
  show: (value: number) => string;
  /** 0 no noise … 1 much. */
  heat: (value: number) => number;
}
const fromDb = (value: number) => 1 - value / 50;
const MEASURES: Measure[] = [
  { title: 'Local, dB', of: (l) => l.local?.sqnrDb ?? null, show: db, heat: fromDb },
  { title: 'Accumulated, dB', of: (l) => l.accumulated?.sqnrDb ?? null, show: db, heat: fromDb },
  { title: 'Only this layer, dB', of: (l) => l.onlyThisDb, show: db, heat: fromDb },
  { title: 'Two-pass alone, dB', of: (l) => l.twoPassDb ?? null, show: db, heat: fromDb },
  { title: 'Expected alone, dB', of: (l) => l.expectedDb ?? null, show: db, heat: fromDb },
  { title: 'Noise that came in', of: (l) => l.cameIn?.share ?? null, show: percent, heat: () => 0 },
  { title: 'Gain on it, dB', of: (l) => l.cameIn?.gainDb ?? null, show: db, heat: (v) => v / 10 },
  { title: 'Share of the noise', of: (l) => l.noiseShare, show: percent, heat: (v) => v * 2 },
  { title: 'Costs, dB', of: (l) => l.costsDb, show: db, heat: (v) => v / 6 },
  { title: 'Clipped', of: (l) => l.clipRate, show: percent, heat: (v) => v * 20 },
  { title: 'Codes in use', of: (l) => l.utilisation, show: percent, heat: (v) => 1 - v * 1.3 },
];

/** What the columns of the noise mean. */
const NOISE =
  'rmse/scale: the noise in steps of the output quantizer, 0.289 where that rounds and nothing else happens. Skew is 0 for noise as far up as down; kurtosis 1.8 for noise spread evenly, 3 if normal, more where few values make most of it.';

/** Layers × measures: the colour says where the noise is, the number how much. */
export function heatMap(result: RunResult): string {
  const used = MEASURES.filter(({ of }) => result.layers.some((layer) => of(layer) !== null));
  const layers = result.layers.filter((layer) => used.some(({ of }) => of(layer) !== null));
  if (used.length === 0) return '';
  const rows = layers.map((layer): Cell[] => [
    name(layer.name),
    ...used.map(({ of, show, heat }): Cell => {
      const value = of(layer);
      if (value === null || Number.isNaN(value)) return '–';
      const a = Math.min(1, Math.max(0, heat(value)));
      return { html: show(value), attributes: `class="n heat" style="--a:${a.toFixed(2)}"` };
    }),
  ]);
  const heads = [{ name: 'Layer' }, ...used.map(({ title }) => ({ name: title, right: true }))];
  const on = result.evaluatedOn;
  const samples = result.layerSamples ?? on?.samples;
  const estimate = layers.map(estimatedBy).find((by) => by !== null);
  const shares = estimate ? ` Shares of the noise are estimates, of the stage ${estimate}.` : '';
  const caption = `The stronger the colour, the more noise: none at 50 dB, all of it at 0 dB.${on && samples ? ` Measured on ${samples} samples of ${on.source}.` : ''}${shares}`;
  const found = result.layerMatch ? `<p>${escapeHtml(matchSentence(result.layerMatch))}</p>\n` : '';
  const shapes = errorsTable(result);
  const detail =
    shapes.rows.length > 0
      ? `<details><summary>Everything measured of these errors</summary>\n${table(shapes.columns, shapes.rows, NOISE)}</details>`
      : '';
  return section('errors', 'Errors by layer', found + table(heads, rows, caption) + detail);
}

/** Every layer: what it became, what runs it, and why it is not in INT8. */
export function layers(result: RunResult): string {
  const rows = result.layers.map((layer): Cell[] => [
    name(layer.name),
    layer.kind,
    {
      html: `<span class="precision${layer.wish === 'keep' ? ' keep' : ''}" title="${layer.executed ?? layer.precision}">${badge(layer.executed ?? layer.precision)}</span>`,
    },
    layer.kernel ?? '–',
    count(layer.macs),
    shiftText(layer),
    withoutVnniText(layer),
    layer.reason ?? '',
  ]);
  const heads = [
    { name: 'Layer' },
    { name: 'Kind' },
    { name: 'Runs as' },
    { name: 'Kernel' },
    { name: 'MACs', right: true },
    { name: 'Mean shift', right: true },
    { name: 'On x86 without VNNI' },
    { name: wordsOf(result).why },
  ];
  const corrected = result.layers.some((layer) => layer.biasShift?.kept);
  const shift =
    ' Mean shift: of a layer’s channels, before → after bias correction, on calibration samples that did not make it; one number where those did not agree.';
  const caption = `${badgeLegend(result.layers)}; hatched: kept in FP32 by the recipe.${corrected ? shift : ''}`;
  return section('layers', 'Layers', rows.length === 0 ? '' : table(heads, rows, caption));
}

/** Ranges that calibration found. */
export function ranges({ ranges: all, calibration }: RunResult): string {
  if (all.length === 0) return '';
  const rows = all.map((range): Cell[] => [
    name(range.tensor),
    { html: sparkline(range) },
    significant(range.min),
    significant(range.max),
    significant(range.scale),
    range.zeroPoint === null ? '–' : String(range.zeroPoint),
    narrower(range.growth),
    percent(range.outOfRange),
    notFiniteText(range),
  ]);
  const heads = [
    { name: 'Tensor' },
    { name: 'Values' },
    { name: 'Min', right: true },
    { name: 'Max', right: true },
    { name: 'Scale', right: true },
    { name: 'Zero point', right: true },
    { name: 'Half the samples', right: true },
    { name: 'Outside', right: true },
    { name: 'Not finite' },
  ];
  const caption = calibration
    ? `Over ${calibration.samples} samples of ${calibration.source}. Half the samples: how much narrower they would leave the range. Outside: values on samples that were not calibrated on.`
    : '';
  return section('ranges', 'Ranges', table(heads, rows, caption));
}

/** Fusions: done, possible, blocked by what and how to free them; and where integers are interrupted by floats. */
export function fusions({ fusions: all, breaks = [] }: RunResult): string {
  const rows = byStatus(all).map((f): Cell[] => [
    f.status,
    f.pattern,
    { html: f.nodes.map((n) => name(n.name).html).join(' → ') },
    fuserText(f),
    savedText(f),
    blockerText(f),
    f.blockedBy ? f.blockedBy.remedy : f.status === 'done' ? '' : f.gain,
  ]);
  const heads = [
    ...[{ name: 'Status' }, { name: 'Pattern' }, { name: 'Nodes' }, { name: 'By' }],
    ...[
      { name: 'Saves', right: true },
      { name: 'Blocked by' },
      { name: 'What frees it, or is gained' },
    ],
  ];
  const broken = breaksTable(breaks);
  const parts = [
    rows.length === 0 ? '' : table(heads, rows),
    breaks.length === 0
      ? ''
      : table(
          [...broken.columns, { name: 'What would remove it' }],
          broken.rows.map((cells, i): Cell[] => [...cells, breaks[i]!.remedy]),
          'Quantization breaks: where integers are made floats and integers again.',
        ),
  ];
  return section('fusions', 'Fusions', parts.join(''));
}

/** Where the bytes of the written file are. */
export function byteBudget({ size }: RunResult): string {
  if (!size) return '';
  const rows = size.parts.map((part, i): Cell[] => [
    {
      html: `<span class="legend" style="background:${colourOfPart(i)}"></span>${escapeHtml(part.what)}`,
    },
    bytes(part.bytes),
    percent(part.bytes / size.int8),
  ]);
  const heads = [{ name: 'Part' }, { name: 'Bytes', right: true }, { name: 'Share', right: true }];
  return section(
    'bytes',
    `Where the ${bytes(size.int8)} are`,
    stack(size.parts) + table(heads, rows),
  );
}

/** Outputs of both models side by side. */
export function outputs(result: RunResult): string {
  const { outputs: all, evaluatedOn } = result;
  if (all.length === 0) return '';
  const rows = all.map((o): Cell[] => [
    name(o.name),
    db(o.sqnrDb),
    o.cosine.toFixed(6),
    significant(o.maxAbs),
    significant(o.meanAbs),
    `${percent(o.within)} within ${significant(o.atol)} + ${significant(o.rtol)}·|x|`,
  ]);
  const heads = [
    { name: 'Output' },
    { name: 'SQNR, dB', right: true },
    { name: 'Cosine', right: true },
    { name: 'Largest difference', right: true },
    { name: 'Mean difference', right: true },
    { name: 'Close' },
  ];
  const caption = evaluatedOn
    ? `${wordsOf(result).column} against FP32 on ${evaluatedOn.samples} samples of ${evaluatedOn.source}${evaluatedOn.heldBack ? ', held back from calibration' : ''}.`
    : '';
  const worst = (result.worstSamples ?? []).map((s): Cell[] => [name(s.sample), db(s.sqnrDb)]);
  const samples =
    worst.length > 0
      ? table([{ name: 'Samples that suffer most' }, { name: 'SQNR, dB', right: true }], worst)
      : '';
  return section('outputs', 'Closeness of the outputs', table(heads, rows, caption) + samples);
}

/** How to load the written file. */
export function load({ load: advice }: RunResult): string {
  if (!advice) return '';
  const ops = advice.contribOps.length
    ? ` It uses ${advice.contribOps.join(', ')}, which only onnxruntime has.`
    : '';
  const lines = [
    ['Python', advice.python],
    ['C++', advice.cpp],
    ['Node.js', advice.node],
  ].map(([language, code]) => `<h3>${language}</h3>\n<pre>${escapeHtml(code!)}</pre>`);
  const needs = `Needs ${advice.runtime} (opset ${advice.opset}, IR version ${advice.irVersion}).${ops}`;
  return section('load', 'Load it', `<p>${escapeHtml(needs)}</p>\n${lines.join('\n')}`);
}

/** Where every number came from, so that it can be done again. */
export function provenance(result: RunResult, summary: ModelSummary | null): string {
  const { calibration, evaluatedOn, runtime, seconds } = result;
  const took = Object.entries(seconds).flatMap(([stage, s]) =>
    s === null ? [] : [`${stage} ${significant(s)} s`],
  );
  const rows: Cell[][] = [
    ['Model', name(result.model)],
    ...(summary
      ? [['Graph', `opset ${summary.opset}, IR ${summary.irVersion}, ${summary.producer}`]]
      : []),
    ['Written to', name(result.output ?? 'no file')],
    ...(result.verification ? [['Verified', verificationText(result.verification)]] : []),
    ['Recipe', name(result.recipe ?? 'none')],
    ['Mode', wordsOf(result).long],
    ['Target', result.target + (result.targetWasAuto ? ' (this machine, chosen by auto)' : '')],
    [
      'Calibrated on',
      calibration
        ? `${calibration.samples} samples of ${calibration.source}${calibration.random ? ' (random)' : ''}`
        : 'nothing',
    ],
    [
      'Compared on',
      evaluatedOn
        ? `${evaluatedOn.samples} samples of ${evaluatedOn.source}${evaluatedOn.heldBack ? ', held back from calibration' : ''}`
        : 'nothing',
    ],
    ['Runtime', `${runtime.name} ${runtime.version}`],
    ['Took', took.join(', ') || '–'],
    ['Key', name(result.key)],
    ['Finished', result.finishedAt],
  ];
  return section('provenance', 'Where it comes from', table([{ name: '' }, { name: '' }], rows));
}

/** What a reader must know. */
export function notes(result: RunResult): string {
  const items = notesItems(result.notes);
  const settled = calibrationText(result);
  if (settled !== '') items.push(`<li>${escapeHtml(settled)}</li>`);
  return section('notes', 'Notes', items.length === 0 ? '' : `<ul>${items.join('\n')}</ul>`);
}
