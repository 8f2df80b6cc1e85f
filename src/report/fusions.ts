import type { FusionCandidate, FusionReport, QuantizationBreak } from '../results';
import { bytes, ms } from './figures/numbers';
import type { Table } from './figures/table';
import { gainsDocument, gainsText } from './fusion-gains';
import type { Json } from './json-value';
import { notesDocument, notesText } from './notes';
import { paragraphs } from './paragraphs';
import { terminalTable, type TerminalOptions } from './terminal';

const ORDER: Readonly<Record<FusionCandidate['status'], number>> = { blocked: 0, will: 1, done: 2 };

/** Blocked first: there one can do something. */
export function byStatus(fusions: readonly FusionCandidate[]): FusionCandidate[] {
  return [...fusions].sort((a, b) => ORDER[a.status] - ORDER[b.status]);
}

/** Who does it, in words: the runtime with its level of optimization, or one of our passes. */
export function fuserText({ by, status, into }: FusionCandidate): string {
  if (status === 'done') return into ? `runtime: ${into.op}` : 'runtime';
  return by
    .map(({ who, name, level }) =>
      who === 'pass' ? `pass: ${name}` : `runtime (${level}): ${name}`,
    )
    .join('; ');
}

/** What is in the way, in a sentence; empty where nothing is. */
export function blockerText({ blockedBy, alone }: FusionCandidate): string {
  if (blockedBy) return `${blockedBy.node}: ${blockedBy.reason}`;
  return alone ? `the runtime alone does not: ${alone.node}: ${alone.reason}` : '';
}

/** What is saved: bytes of tensors that are not written and read any more, or how many passes over them. */
export function savedText({ estimate: { passes, bytes: size } }: FusionCandidate): string {
  if (passes === 0) return '–';
  return size === null ? `${passes} ${passes === 1 ? 'pass' : 'passes'}` : bytes(size);
}

/** The fusions of a model, one a row. */
export function fusionsTable(fusions: readonly FusionCandidate[]): Table {
  return {
    columns: [
      ...[{ name: 'Status' }, { name: 'Fusion' }, { name: 'Layer' }, { name: 'By' }],
      { name: 'Saves', right: true },
      { name: 'Blocked by' },
    ],
    rows: byStatus(fusions).map((f) => [
      ...[f.status, f.pattern, f.layer, fuserText(f), savedText(f)],
      blockerText(f),
    ]),
  };
}

/** The quantization breaks of a model, one a row. */
export function breaksTable(breaks: readonly QuantizationBreak[]): Table {
  const timed = breaks.some(
    ({ conversionMs, floatMs }) => conversionMs !== null || floatMs !== null,
  );
  return {
    columns: [
      ...[{ name: 'Layer to blame' }, { name: 'Float nodes', right: true }],
      ...[
        { name: 'Conversions', right: true },
        { name: 'Bytes', right: true },
      ],
      ...(timed
        ? [
            { name: 'Converting', right: true },
            { name: 'In float', right: true },
          ]
        : []),
      { name: 'Why' },
    ],
    rows: breaks.map((b) => [
      ...[b.layer, String(b.nodes.length), String(b.conversions.length), bytes(b.bytes)],
      ...(timed ? [ms(b.conversionMs), ms(b.floatMs)] : []),
      b.reason,
    ]),
  };
}

/** What would free blocked fusions and remove breaks, once each. */
export function remedies(
  fusions: readonly FusionCandidate[],
  breaks: readonly QuantizationBreak[],
): string[] {
  const all = [
    ...fusions.flatMap(({ pattern, blockedBy }) =>
      blockedBy ? [`${pattern}: ${blockedBy.remedy}`] : [],
    ),
    ...breaks.map(({ op, remedy }) => (op === '' ? remedy : `${op}: ${remedy}`)),
  ];
  return [...new Set(all)];
}

/** How many nodes and fusions there are, in a sentence. */
export function fusionsHead(report: FusionReport): string {
  const count = (status: FusionCandidate['status']) =>
    report.fusions.filter((f) => f.status === status).length;
  return `${report.model}: ${report.nodes} nodes, of which onnxruntime ${report.runtime} makes ${report.executedNodes}; ${count('done')} fusions done, ${count('will')} when it is quantized, ${count('blocked')} blocked`;
}

/** What `vernier fusions` prints. */
export function fusionsText(report: FusionReport, options: TerminalOptions = {}): string {
  const { fusions, breaks, mistaken } = report;
  const open = remedies(fusions, breaks);
  const parts = [
    fusionsHead(report),
    fusions.length > 0 ? terminalTable(fusionsTable(fusions), options) : '',
    breaks.length > 0
      ? terminalTable(
          {
            ...breaksTable(breaks),
            caption: 'Quantization breaks: integers are made floats and integers again',
          },
          options,
        )
      : '',
    open.length > 0 ? ['What would free them:', ...open.map((line) => `  ${line}`)].join('\n') : '',
    report.measured ? gainsText(report.measured, options) : '',
    mistaken > 0
      ? `${mistaken} predictions differ from what the runtime made of the file; the table shows what it made.`
      : '',
    notesText(report.notes),
  ];
  return paragraphs(parts);
}

/** One fusion in documents. */
export function fusionDocument(fusion: FusionCandidate): { [key: string]: Json } {
  return {
    pattern: fusion.pattern,
    nodes: fusion.nodes.map(({ name }) => name),
    vanishing: [...fusion.vanishing],
    layer: fusion.layer,
    status: fusion.status,
    by: fusion.by.map((by) => ({ ...by })),
    blocked_by: fusion.blockedBy && { ...fusion.blockedBy },
    runtime_alone: fusion.alone && { ...fusion.alone },
    into: fusion.into && { ...fusion.into },
    gain: fusion.gain,
    saved_passes: fusion.estimate.passes,
    saved_bytes: fusion.estimate.bytes,
  };
}

/** One quantization break in documents. */
export function breakDocument(found: QuantizationBreak): { [key: string]: Json } {
  return {
    layer: found.layer,
    nodes: found.nodes.map(({ name }) => name),
    conversions: found.conversions.map((c) => ({ ...c })),
    bytes: found.bytes,
    code: found.code,
    op: found.op,
    reason: found.reason,
    remedy: found.remedy,
    conversion_ms: found.conversionMs,
    float_ms: found.floatMs,
  };
}

/** The document of `fusions --json`. */
export function toFusionsDocument(report: FusionReport): { [key: string]: Json } {
  return {
    model: report.model,
    runtime: report.runtime,
    nodes: report.nodes,
    executed_nodes: report.executedNodes,
    fusions: report.fusions.map(fusionDocument),
    breaks: report.breaks.map(breakDocument),
    measured: report.measured && gainsDocument(report.measured),
    mistaken: report.mistaken,
    notes: notesDocument(report.notes),
  };
}
