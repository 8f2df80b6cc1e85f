import { COLUMNS, operatorKey, ROWS } from './index';
import type { IntegerRule, OperatorRow, TargetFamily, TargetRule, UnitKind } from './types';

const UNITS: Readonly<Record<UnitKind, string>> = {
  alone: 'itself',
  activation: 'with the Relu or Clip behind it',
  bias: 'with the Add of a constant and the Relu or Clip behind it',
  moves: 'none: it moves values',
};

const FAMILIES: Readonly<Record<TargetFamily, string>> = {
  cpu: 'onnxruntime CPU',
  tensorrt: 'TensorRT',
  'fpga-fixed': 'FPGA',
  onnx: 'ONNX',
};

const INTRODUCTION = `# Operators

What Vernier makes of each operator, for each family of targets. This page is written from the table in
\`src/quantize/operators\` by \`node scripts/operators.mjs\`; every row of the column *onnxruntime CPU* is run through
the runtime by \`test/quantize/operators.integration.test.ts\`, and every integer row of the column *FPGA* is compared with
it bit by bit by \`test/quantize/fixed/operators.integration.test.ts\` ([fixed-point.md](fixed-point.md)).

- **Layer** is what is quantized or kept as one.
- **Quantized** are the inputs that become codes: activations by their slot, \`w\` the weight (int8, one scale for every
  channel along the axis), \`b\` the bias (int32 with the product of both scales).
- **int8** in a target's column: an integer kernel, whose result has a scale of its own. **codes**: it moves codes, and
  its result has its input's scale. **float**: it runs in float whatever the file says.
- A **Gather** of a constant table (an embedding) takes rows of int8 codes, with one scale for every column, and a
  DequantizeLinear behind it: the runtime moves bytes and makes floats of the rows that were asked for. It is done, in
  static and dynamic mode, where the table is a tenth of the model's constants or more, or where
  \`layers: [{ match: …, precision: int8 }]\` asks for it. Before a Gather the runtime would make floats of the whole table
  at every run.
- **LSTM, GRU, RNN**: of their weights every row, and so every row of every gate, has a scale of its own. Gates have no range
  of their own to choose: what is rounded is the input and the hidden state, which all gates read, and the sums
  of their products leave the integer kernel as floats (\`MatMulIntegerToFloat\`, \`DynamicQuantizeLSTM\`).
- \`*\`: only under a condition, or only where the recipe asks for it; see below.
- Older files are upgraded to opset 13 first; *since* is the first opset that has the operator.`;

/** The documentation of the table of operators, in Markdown that prettier has yet to align. */
export function operatorsPage(): string {
  const families = Object.keys(FAMILIES) as TargetFamily[];
  const head = ['Operator', 'Layer', 'Quantized', 'Since', ...families.map((f) => FAMILIES[f])];
  const rows = ROWS.map((row) => [
    named(row),
    UNITS[row.unit],
    quantized(row),
    row.domain === '' ? String(row.since) : row.domain,
    ...families.map((family) => cell(ruleOf(row, family))),
  ]);
  return [
    INTRODUCTION,
    table(head, rows),
    '## Only under conditions',
    table(
      ['Operator', 'Target', 'In integers only where'],
      everyRule((rule) => (rule.only ?? []).map((condition) => condition.says)),
    ),
    '## Float by default',
    'These have an integer kernel and are left in float unless `layers: [{ match: …, precision: int8 }]` asks for it.',
    table(
      ['Operator', 'Target', 'Why'],
      everyRule((rule) => (rule.floatByDefault === undefined ? [] : [rule.floatByDefault])),
    ),
    '## Float whatever the file says',
    ...families.map((family) => floats(family)),
  ].join('\n\n');
}

const named = (row: OperatorRow) => `\`${operatorKey(row.op, row.domain)}\``;

const ruleOf = (row: OperatorRow, family: TargetFamily): TargetRule | undefined =>
  COLUMNS[family][operatorKey(row.op, row.domain)];

function quantized({ activations, weight, bias }: OperatorRow): string {
  const slots = activations === 'all' ? 'all' : activations.join(', ');
  const axis = weight?.axis === null ? '' : `, axis ${weight?.axis}`;
  return [
    slots,
    ...(weight ? [`w ${weight.slot}${axis}`] : []),
    ...(bias ? [`b ${bias}`] : []),
  ].join('; ');
}

function cell(rule: TargetRule | undefined): string {
  if (!rule || rule.form === 'float') return 'float';
  const only = rule.only || rule.floatByDefault !== undefined ? ' *' : '';
  if (rule.form === 'passthrough') return `codes${only}`;
  return `int8${rule.kernel ? ` \`${rule.kernel}\`` : ''}${only}`;
}

/** Rows `operator, target, text` of everything that integer rules say. */
function everyRule(texts: (rule: IntegerRule) => string[]): string[][] {
  const families = Object.keys(FAMILIES) as TargetFamily[];
  return ROWS.flatMap((row) =>
    families.flatMap((family) => {
      const rule = ruleOf(row, family);
      if (!rule || rule.form === 'float') return [];
      return texts(rule).map((text) => [named(row), FAMILIES[family], text]);
    }),
  );
}

/** Operators of a target by the reason for which they run in float. */
function floats(family: TargetFamily): string {
  const byReason = new Map<string, string[]>();
  for (const row of ROWS) {
    const rule = ruleOf(row, family);
    if (rule?.form !== 'float') continue;
    const reason = rule.reason.replaceAll(new RegExp(`\\b${row.op}\\b`, 'g'), '…');
    byReason.set(reason, [...(byReason.get(reason) ?? []), named(row)]);
  }
  const lines = [...byReason].map(([reason, ops]) => `- ${ops.join(', ')}: ${reason}`);
  return [`**${FAMILIES[family]}**`, ...(lines.length > 0 ? [lines.join('\n')] : [])].join('\n\n');
}

/** A table in Markdown; its cells may hold upright strokes. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
