/** Matrix products. */
import { broadcast, value, type Dim, type Rule, type RuleNode, type Value } from './types';

/** numpy's matmul: the leading axes broadcast, vectors gain an axis that goes away again. */
export function matmulShape(a: Dim[] | null, b: Dim[] | null): Dim[] | null {
  if (!a || !b || a.length === 0 || b.length === 0) return null;
  const x = a.length === 1 ? [1, ...a] : a;
  const y = b.length === 1 ? [...b, 1] : b;
  const lead = broadcast(x.slice(0, -2), y.slice(0, -2));
  if (!lead) return null;
  return [
    ...lead,
    ...(a.length === 1 ? [] : [x[x.length - 2]!]),
    ...(b.length === 1 ? [] : [y[y.length - 1]!]),
  ];
}

const pick = (a: number, b: number, type: (n: RuleNode) => Value['type']): Rule => {
  return (n) => [value(type(n), matmulShape(n.input(a).shape, n.input(b).shape))];
};

/** https://onnx.ai/onnx/operators/onnx__Gemm.html */
const gemm: Rule = (n) => {
  const { shape: a, type } = n.input(0);
  const { shape: b } = n.input(1);
  if ((a && a.length !== 2) || (b && b.length !== 2)) return [value(type, null)];
  const rows = a ? a[n.int('transA', 0) ? 1 : 0]! : null;
  const columns = b ? b[n.int('transB', 0) ? 0 : 1]! : null;
  return [value(type, [rows, columns])];
};

function transposed(shape: Dim[] | null, yes: boolean): Dim[] | null {
  if (!shape || !yes || shape.length < 2) return shape;
  return [...shape.slice(0, -2), shape[shape.length - 1]!, shape[shape.length - 2]!];
}

const fusedMatMul: Rule = (n) => {
  if (n.int('transBatchA', 0) || n.int('transBatchB', 0)) return [value(n.input(0).type, null)];
  const a = transposed(n.input(0).shape, n.int('transA', 0) !== 0);
  const b = transposed(n.input(1).shape, n.int('transB', 0) !== 0);
  return [value(n.input(0).type, matmulShape(a, b))];
};

/** Weights of N rows packed to 4 or 8 bits (com.microsoft MatMulNBits). */
const matMulNBits: Rule = (n) => {
  const { shape, type } = n.input(0);
  return [value(type, shape && [...shape.slice(0, -1), n.int('N', 0)])];
};

/** https://onnx.ai/onnx/operators/onnx__Einsum.html, without an ellipsis */
const einsum: Rule = (n) => {
  const equation = n.string('equation', '').replaceAll(' ', '');
  const { type } = n.input(0);
  if (equation === '' || equation.includes('.')) return [value(type, null)];
  const [left, right] = equation.split('->') as [string, string | undefined];
  const dims = new Map<string, Dim>();
  const counts = new Map<string, number>();
  for (const [i, term] of left.split(',').entries()) {
    const { shape } = n.input(i);
    if (shape?.length !== term.length) return [value(type, null)];
    for (const [j, letter] of [...term].entries()) {
      const known = dims.get(letter);
      const dim = shape[j]!;
      // an axis of size 1 broadcasts
      if (known === undefined || known === null || known === 1) dims.set(letter, dim);
      counts.set(letter, (counts.get(letter) ?? 0) + 1);
    }
  }
  const once = [...counts].filter(([, count]) => count === 1).map(([letter]) => letter);
  const output = right ?? once.sort().join('');
  return [
    value(
      type,
      [...output].map((letter) => dims.get(letter) ?? null),
    ),
  ];
};

const det: Rule = (n) => [value(n.input(0).type, n.input(0).shape?.slice(0, -2) ?? null)];

const first = (n: RuleNode) => n.input(0).type;

export const matmulRules: Record<string, Rule> = {
  MatMul: pick(0, 1, first),
  MatMulInteger: pick(0, 1, () => 'int32'),
  QLinearMatMul: pick(0, 3, (n) => n.input(7).type),
  Gemm: gemm,
  Einsum: einsum,
  Det: det,
  'com.microsoft:FusedMatMul': fusedMatMul,
  'com.microsoft:FusedGemm': gemm,
  'com.microsoft:MatMulNBits': matMulNBits,
  'com.microsoft:DynamicQuantizeMatMul': pick(0, 1, first),
  'com.microsoft:MatMulIntegerToFloat': pick(0, 1, (n) => n.input(2).type),
};
