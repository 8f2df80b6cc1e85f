import type { DiffNode, DiffResult, ExistingRange } from '../results';
import { bytes, count, db, ms, percent, significant, times } from './figures/numbers';
import type { Table } from './figures/table';
import type { Json } from './json-value';
import { diffEnglish, type DiffWords } from './diff-words';
import { profileDocument } from './latency';
import { notesDocument, notesText } from './notes';
import { terminalText } from './paragraphs';
import { terminalTable, type TerminalOptions } from './terminal';

/** So many inner tensors are shown in a terminal. */
const MOST_TENSORS = 12;

/** Both files in numbers: size, nodes, outputs, time. */
export function diffSummaryTable(
  { a, b, latency }: DiffResult,
  { rows: says, heads, pairs, threads }: DiffWords = diffEnglish,
): Table {
  const ratio = (x: number, y: number) => (x > 0 ? percent(y / x) : '');
  const rows = [
    [says.bytes, bytes(a.bytes), bytes(b.bytes), ratio(a.bytes, b.bytes)],
    [says.opset, String(a.opset), String(b.opset), ''],
    [says.nodes, String(a.nodes), String(b.nodes), ''],
    [says.quantizing, String(a.quantizing), String(b.quantizing), ''],
    [says.parameters, count(a.parameters), count(b.parameters), ratio(a.parameters, b.parameters)],
  ];
  if (latency)
    rows.push(
      [
        says.latency,
        ms(latency.fp32Ms),
        ms(latency.int8Ms),
        `${times(latency.speedup)} (${times(latency.low)} … ${times(latency.high)}), ${pairs(latency.pairs)}, ${threads(latency.threads)}`,
      ],
      [says.p99, ms(latency.fp32P99), ms(latency.int8P99), ''],
    );
  return {
    columns: [
      { name: '' },
      { name: heads.first, right: true },
      { name: heads.second, right: true },
      { name: '' },
    ],
    rows,
  };
}

/** Every node that is not the same in both. */
export function diffNodesTable({ nodes }: DiffResult, words: DiffWords = diffEnglish): Table {
  const { heads, status, matchedBy } = words;
  const name = (node: DiffNode['a']) => (node ? node.name : '');
  return {
    columns: [
      { name: heads.node },
      { name: heads.op },
      { name: '' },
      { name: heads.inSecond },
      { name: heads.foundBy },
      { name: heads.differs },
    ],
    rows: nodes
      .filter((n) => n.status !== 'same')
      .map((n) => [
        name(n.a),
        n.a?.op ?? n.b!.op,
        status[n.status],
        name(n.b),
        n.matchedBy ? matchedBy[n.matchedBy] : '',
        n.changes.map((change) => words.change(change)).join('; '),
      ]),
  };
}

/** Scales and zero points of tensors that the two quantize differently. */
export function diffRangesTable({ ranges }: DiffResult, words: DiffWords = diffEnglish): Table {
  const { heads } = words;
  const codes = (range: ExistingRange | null) => {
    if (!range) return words.float;
    const { type, scale, scales, zeroPoint } = range;
    if (scale !== null) return words.around(type, significant(scale), zeroPoint ?? 0);
    if (!scales) return words.whileRunning(type);
    return words.scales(type, scales.count, significant(scales.min), significant(scales.max));
  };
  const span = (range: ExistingRange | null) =>
    range && range.min !== null ? `${significant(range.min)} … ${significant(range.max)}` : '';
  return {
    columns: [
      { name: heads.tensor },
      { name: heads.role },
      { name: heads.first },
      { name: heads.second },
      { name: heads.rangeFirst },
      { name: heads.rangeSecond },
    ],
    rows: ranges.map(({ tensor, a, b }) => [
      tensor,
      words.role[(a ?? b)!.role],
      codes(a),
      codes(b),
      span(a),
      span(b),
    ]),
  };
}

/** Outputs of the second against those of the first. */
export function diffOutputsTable(
  { outputs }: DiffResult,
  { heads }: DiffWords = diffEnglish,
): Table {
  return {
    columns: [
      { name: heads.output },
      { name: 'SQNR, dB', right: true },
      { name: heads.cosine, right: true },
      { name: heads.largest, right: true },
    ],
    rows: outputs.map((o) => [o.name, db(o.sqnrDb), o.cosine.toFixed(6), significant(o.maxAbs)]),
  };
}

/** Inner tensors side by side, in graph order, or the `most` that are furthest apart. */
export function diffTensorsTable(
  { tensors }: DiffResult,
  most = Infinity,
  { heads }: DiffWords = diffEnglish,
): Table {
  const shown =
    tensors.length > most
      ? [...tensors].sort((x, y) => x.sqnrDb - y.sqnrDb).slice(0, most)
      : tensors;
  return {
    columns: [
      { name: heads.madeBy },
      { name: heads.tensor },
      { name: heads.inSecond },
      { name: 'SQNR, dB', right: true },
      { name: heads.cosine, right: true },
      { name: heads.largest, right: true },
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
export function diffSentence(
  { nodes, matched }: DiffResult,
  words: DiffWords = diffEnglish,
): string {
  const of = (status: DiffNode['status']) => nodes.filter((n) => n.status === status).length;
  const structural = nodes.filter((n) => n.matchedBy === 'structure').length;
  const parts = (['same', 'changed', 'folded', 'removed', 'added'] as const).flatMap((status) =>
    of(status) > 0 ? [words.counted(of(status), words.status[status])] : [],
  );
  return words.sentence(parts, percent(matched), structural);
}

/** On what the outputs were compared. */
export function diffOn({ comparedOn }: DiffResult, words: DiffWords = diffEnglish): string {
  return comparedOn ? words.on(comparedOn.samples, comparedOn.source) : '';
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
    notesText(result.notes),
  ];
  return terminalText(parts);
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
    warnings: result.notes.filter(({ severity }) => severity !== 'info').map((n) => n.message),
    notes: notesDocument(result.notes),
  };
}
