import type { DiffNode, DiffResult, ExistingRange } from '../results';
import { bytes, count, db, ms, percent, significant, times } from './figures/numbers';
import type { Table } from './figures/table';
import type { Json } from './json-value';
import { profileDocument } from './latency';
import { terminalTable, type TerminalOptions } from './terminal';

/** So many inner tensors are shown in a terminal. */
const MOST_TENSORS = 12;

/** Both files in numbers: size, nodes, outputs, time. */
export function diffSummaryTable({ a, b, latency }: DiffResult): Table {
  const ratio = (x: number, y: number) => (x > 0 ? percent(y / x) : '');
  const rows = [
    ['Bytes', bytes(a.bytes), bytes(b.bytes), ratio(a.bytes, b.bytes)],
    ['Opset', String(a.opset), String(b.opset), ''],
    ['Nodes', String(a.nodes), String(b.nodes), ''],
    ['Quantizing nodes', String(a.quantizing), String(b.quantizing), ''],
    ['Parameters', count(a.parameters), count(b.parameters), ratio(a.parameters, b.parameters)],
  ];
  if (latency)
    rows.push(
      [
        'Latency',
        ms(latency.fp32Ms),
        ms(latency.int8Ms),
        `${times(latency.speedup)} (${times(latency.low)} … ${times(latency.high)}), ${latency.pairs} pairs, ${latency.threads === 0 ? "the runtime's threads" : `threads: ${latency.threads}`}`,
      ],
      ['p99', ms(latency.fp32P99), ms(latency.int8P99), ''],
    );
  return {
    columns: [
      { name: '' },
      { name: 'First', right: true },
      { name: 'Second', right: true },
      { name: '' },
    ],
    rows,
  };
}

/** Every node that is not the same in both. */
export function diffNodesTable({ nodes }: DiffResult): Table {
  const name = (node: DiffNode['a']) => (node ? node.name : '');
  return {
    columns: [
      { name: 'Node' },
      { name: 'Op' },
      { name: '' },
      { name: 'In the second' },
      { name: 'Found by' },
      { name: 'What differs' },
    ],
    rows: nodes
      .filter(({ status }) => status !== 'same')
      .map((n) => [
        name(n.a),
        n.a?.op ?? n.b!.op,
        n.status,
        name(n.b),
        n.matchedBy ?? '',
        n.changes.join('; '),
      ]),
  };
}

/** Scales and zero points of tensors that the two quantize differently. */
export function diffRangesTable({ ranges }: DiffResult): Table {
  const codes = (range: ExistingRange | null) => {
    if (!range) return 'float';
    const { type, scale, scales, zeroPoint } = range;
    if (scale !== null) return `${type}, ${significant(scale)} around ${zeroPoint ?? 0}`;
    if (!scales) return `${type}, while it runs`;
    return `${type}, ${scales.count} scales ${significant(scales.min)} … ${significant(scales.max)}`;
  };
  const span = (range: ExistingRange | null) =>
    range && range.min !== null ? `${significant(range.min)} … ${significant(range.max)}` : '';
  return {
    columns: [
      { name: 'Tensor' },
      { name: 'Role' },
      { name: 'First' },
      { name: 'Second' },
      { name: 'Range, first' },
      { name: 'Range, second' },
    ],
    rows: ranges.map(({ tensor, a, b }) => [
      tensor,
      (a ?? b)!.role,
      codes(a),
      codes(b),
      span(a),
      span(b),
    ]),
  };
}

/** Outputs of the second against those of the first. */
export function diffOutputsTable({ outputs }: DiffResult): Table {
  return {
    columns: [
      { name: 'Output' },
      { name: 'SQNR, dB', right: true },
      { name: 'Cosine', right: true },
      { name: 'Largest difference', right: true },
    ],
    rows: outputs.map((o) => [o.name, db(o.sqnrDb), o.cosine.toFixed(6), significant(o.maxAbs)]),
  };
}

/** Inner tensors side by side, in graph order, or the `most` that are furthest apart. */
export function diffTensorsTable({ tensors }: DiffResult, most = Infinity): Table {
  const shown =
    tensors.length > most
      ? [...tensors].sort((x, y) => x.sqnrDb - y.sqnrDb).slice(0, most)
      : tensors;
  return {
    columns: [
      { name: 'Made by' },
      { name: 'Tensor' },
      { name: 'In the second' },
      { name: 'SQNR, dB', right: true },
      { name: 'Cosine', right: true },
      { name: 'Largest difference', right: true },
    ],
    rows: shown.map((t) => [
      t.node,
      t.a,
      t.b === t.a ? '' : t.b,
      db(t.sqnrDb),
      t.cosine.toFixed(6),
      significant(t.maxAbs),
    ]),
  };
}

/** How many nodes are what, in a sentence. */
export function diffSentence({ nodes, matched }: DiffResult): string {
  const of = (status: DiffNode['status']) => nodes.filter((n) => n.status === status).length;
  const structural = nodes.filter((n) => n.matchedBy === 'structure').length;
  const parts = (['same', 'changed', 'folded', 'removed', 'added'] as const).flatMap((status) =>
    of(status) > 0 ? [`${of(status)} ${status}`] : [],
  );
  const how = structural > 0 ? `, ${structural} of them by structure alone` : '';
  return `Nodes: ${parts.join(', ') || 'none'}. ${percent(matched)} of the smaller model's were found in the other${how}.`;
}

/** On what the outputs were compared. */
export function diffOn({ comparedOn }: DiffResult): string {
  return comparedOn ? `On ${comparedOn.samples} samples of ${comparedOn.source}` : '';
}

/** What `vernier diff` prints. */
export function diffText(result: DiffResult, options: TerminalOptions = {}): string {
  const some = (table: Table) => (table.rows.length > 0 ? terminalTable(table, options) : '');
  const outputs = diffOutputsTable(result);
  const parts = [
    `${result.a.file}\n${result.b.file}`,
    some(diffSummaryTable(result)),
    diffSentence(result),
    some(diffNodesTable(result)),
    some(diffRangesTable(result)),
    some({ ...outputs, caption: `${diffOn(result)}:` }),
    some(tensorsText(result)),
    result.notes
      .map((n) => `${n.severity}: ${n.message}${n.remedy ? ` ${n.remedy}` : ''}`)
      .join('\n'),
  ];
  return parts
    .filter((part) => part !== '')
    .join('\n\n')
    .replaceAll('−', '-');
}

function tensorsText(result: DiffResult): Table {
  const table = diffTensorsTable(result, MOST_TENSORS);
  const of = result.tensors.length;
  const caption =
    of > MOST_TENSORS ? `The ${MOST_TENSORS} of ${of} inner tensors` : `${of} inner tensors`;
  return { ...table, caption: `${caption}${of > MOST_TENSORS ? ' that are furthest apart' : ''}:` };
}

/** `vernier diff --json`. */
export function diffDocument(result: DiffResult): { [key: string]: Json } {
  const { a, b, latency } = result;
  const finite = (value: number) => (Number.isFinite(value) ? value : null);
  const range = (r: ExistingRange | null) =>
    r && {
      type: r.type,
      scale: r.scale,
      zero_point: r.zeroPoint,
      scales: r.scales && { ...r.scales },
      min: r.min,
      max: r.max,
    };
  return {
    a: { ...a },
    b: { ...b },
    matched: result.matched,
    nodes: result.nodes.map((n) => ({
      status: n.status,
      a: n.a && { ...n.a },
      b: n.b && { ...n.b },
      matched_by: n.matchedBy,
      changes: n.changes,
    })),
    ranges: result.ranges.map((r) => ({
      tensor: r.tensor,
      role: (r.a ?? r.b)!.role,
      a: range(r.a),
      b: range(r.b),
    })),
    outputs: result.outputs.map((o) => ({
      name: o.name,
      sqnr_db: finite(o.sqnrDb),
      cosine: finite(o.cosine),
      max_abs: finite(o.maxAbs),
      mean_abs: finite(o.meanAbs),
    })),
    tensors: result.tensors.map((t) => ({
      node: t.node,
      a: t.a,
      b: t.b,
      sqnr_db: finite(t.sqnrDb),
      cosine: finite(t.cosine),
      max_abs: finite(t.maxAbs),
    })),
    compared_on: result.comparedOn && { ...result.comparedOn },
    latency: latency && {
      first_ms: latency.fp32Ms,
      second_ms: latency.int8Ms,
      speedup: latency.speedup,
      low: latency.low,
      high: latency.high,
      first_p99: latency.fp32P99,
      second_p99: latency.int8P99,
      threads: latency.threads,
      pairs: latency.pairs,
      profile: profileDocument(latency),
    },
    warnings: result.notes.map((n) => n.message),
  };
}
