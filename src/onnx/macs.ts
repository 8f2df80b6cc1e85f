/** Multiply-accumulates of a node. */
import { intAttribute, intsAttribute, stringAttribute } from './attributes';
import { isControlFlow } from './bodies';
import { isDefaultDomain } from './model';
import type { NodeProto } from './schema';
import type { Dim, TensorInfo } from './shapes';

/** Sizes of a tensor; an open first axis, which is the batch, counts as 1. */
type Sizes = (tensor: string | undefined, batchAxis?: number) => number[] | null;
type Count = (node: NodeProto, sizes: Sizes) => number | null;

const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

/** Every output value takes a kernel of W [M, C/group, k…] into account. */
const conv =
  (weight: number): Count =>
  (node, sizes) => {
    const [y, w] = [sizes(node.output[0]), sizes(node.input[weight])];
    return y && w && product(y) * product(w.slice(1));
  };

/** Every input value goes through a kernel of W [C, M/group, k…]. */
const convTranspose: Count = (node, sizes) => {
  const [x, w] = [sizes(node.input[0]), sizes(node.input[1])];
  return x && w && product(x) * product(w.slice(1));
};

const gemm: Count = (node, sizes) => {
  const [y, a] = [sizes(node.output[0]), sizes(node.input[0])];
  if (!y || !a) return null;
  return product(y) * a[intAttribute(node, 'transA', 0) ? 0 : 1]!;
};

/** Every output value is a product over A's last axis. */
const matmul: Count = (node, sizes) => {
  const [y, a] = [sizes(node.output[0]), sizes(node.input[0])];
  if (!y || !a || a.length === 0) return null;
  const transposed = intAttribute(node, 'transA', 0) !== 0 && a.length > 1;
  return product(y) * a[transposed ? a.length - 2 : a.length - 1]!;
};

/** Gates of one cell: W is [directions, gates · hidden, input], R [directions, gates · hidden, hidden]. */
const recurrent: Count = (node, sizes) => {
  const byBatch = intAttribute(node, 'layout', 0) === 1;
  const x = sizes(node.input[0], byBatch ? 0 : 1);
  const [w, r] = [sizes(node.input[1]), sizes(node.input[2])];
  // dynamic quantization packs W and R transposed; the count is that of their values
  return x && w && r && x[0]! * x[1]! * (product(w) + product(r));
};

/** Without an ellipsis: every combination of the letters is one product (for two operands). */
const einsum: Count = (node, sizes) => {
  const equation = stringAttribute(node, 'equation', '').replaceAll(' ', '');
  const terms = equation.split('->')[0]!.split(',');
  if (equation.includes('.') || terms.length !== 2) return null;
  const dims = new Map<string, number>();
  for (const [i, term] of terms.entries()) {
    const shape = sizes(node.input[i]);
    if (shape?.length !== term.length) return null;
    [...term].forEach((letter, j) => dims.set(letter, Math.max(shape[j]!, dims.get(letter) ?? 1)));
  }
  return product([...dims.values()]);
};

/** Q·Kᵀ and its product with V (https://onnx.ai/onnx/operators/onnx__Attention.html). */
const attention: Count = (node, sizes) => {
  const [q, k, v] = [sizes(node.input[0]), sizes(node.input[1]), sizes(node.input[2])];
  if (!q || !k || !v || node.input[4]) return null;
  if (q.length === 4) return product(q) * k[2]! + product(q.slice(0, 3)) * k[2]! * v[3]!;
  const groups = intAttribute(node, 'q_num_heads', 1) / intAttribute(node, 'kv_num_heads', 1);
  return product(q) * k[1]! + q[0]! * q[1]! * k[1]! * v[2]! * groups;
};

/** com.microsoft.Attention: the product with the weights of Q, K and V, Q·Kᵀ with the keys of the past, and that with V. */
const packedAttention: Count = (node, sizes) => {
  const [x, w] = [sizes(node.input[0]), sizes(node.input[1])];
  const past = node.input[4] ? sizes(node.input[4], 1) : [];
  if (x?.length !== 3 || w?.length !== 2 || !past) return null;
  const [batch, rows, inputs] = x as [number, number, number];
  const columns = w[1]!;
  const [q, , v] = intsAttribute(node, 'qkv_hidden_sizes') ?? [columns / 3, 0, columns / 3];
  return batch * rows * (inputs * columns + (rows + (past[3] ?? 0)) * (q! + v!));
};

const COUNTS: Record<string, Count> = {
  Conv: conv(1),
  ConvInteger: conv(1),
  QLinearConv: conv(3),
  FusedConv: conv(1),
  DeformConv: conv(1),
  ConvTranspose: convTranspose,
  Gemm: gemm,
  FusedGemm: gemm,
  MatMul: matmul,
  FusedMatMul: matmul,
  MatMulInteger: matmul,
  MatMulIntegerToFloat: matmul,
  DynamicQuantizeMatMul: matmul,
  QLinearMatMul: matmul,
  MatMulNBits: matmul,
  LSTM: recurrent,
  DynamicQuantizeLSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
  Einsum: einsum,
  Attention: attention,
  'com.microsoft.Attention': packedAttention,
};

/**
 * Multiply-accumulates of a node for the shapes given, where an open batch axis counts as one sample; 0 for operators
 * that do none, null where another dimension is open or the operator's count is not known.
 *
 * @param shapes of `inferShapes`, best with the shapes of the inputs filled in
 */
export function macsOf(node: NodeProto, shapes: ReadonlyMap<string, TensorInfo>): number | null {
  if (!isDefaultDomain(node.domain) && node.domain !== 'com.microsoft') return null;
  // two operators are called Attention
  const own = `${node.domain}.${node.opType}`;
  const key = Object.hasOwn(COUNTS, own) ? own : node.opType;
  const count = Object.hasOwn(COUNTS, key) ? COUNTS[key] : undefined;
  if (!count) return isControlFlow(node) ? null : 0;
  return count(node, (tensor, batchAxis = 0) => {
    const shape: Dim[] | null | undefined = tensor ? shapes.get(tensor)?.shape : null;
    const dims = shape?.map((d, i) => (typeof d !== 'number' && i === batchAxis ? 1 : d));
    return dims?.every((d): d is number => typeof d === 'number') ? dims : null;
  });
}
