import {
  floatAttribute,
  intAttribute,
  intsAttribute,
  isDefaultDomain,
  tensorDims,
  tensorType,
  type GraphIndex,
  type NodeProto,
} from '../../onnx';
import { isPackedAttention } from '../packed-attention';
import { whyNotTakenApart } from './attention';
import type { ShapeOf } from './shape-of';
import type { Unit } from '../units';

/** The constant matrix of a layer, [K, N] or [N, K] (see `PackRequest`). */
export interface WeightSource {
  tensor: string;
  kAxis: 0 | 1;
  k: number;
  n: number;
  /** The Transpose between the constant and the layer, where there is one. */
  transpose: NodeProto | null;
}

/** The matrix whose codes would be written for a layer, or why there is none, in a sentence. */
export function weightSource(
  index: GraphIndex,
  unit: Unit,
  shapeOf: ShapeOf,
): WeightSource | string {
  const { node, op } = unit;
  if (isPackedAttention(node)) return ofAttention(index, node, shapeOf);
  if (!isDefaultDomain(node.domain)) return `${node.domain}.${op} takes its weights in float only`;
  switch (op) {
    case 'MatMul':
      return ofMatMul(index, node, shapeOf);
    case 'Gemm':
      return ofGemm(index, node);
    case 'Gather':
      return ofGather(index, node);
    case 'Conv':
    case 'ConvTranspose':
      return `onnxruntime has no ${op} that reads packed weights: use mode: static`;
    case 'LSTM':
      return 'onnxruntime has no LSTM that reads packed weights: use mode: dynamic';
    case 'GRU':
    case 'RNN':
      return `onnxruntime has no ${op} that reads packed weights`;
    default:
      return 'it has no weights';
  }
}

function ofMatMul(index: GraphIndex, node: NodeProto, shapeOf: ShapeOf): WeightSource | string {
  const [left = '', right = ''] = node.input;
  const transpose = plainTranspose(index, right);
  const name = transpose ? transpose.input[0]! : right;
  const tensor = index.initializer(name);
  if (!tensor)
    return index.isConstant(left) ? 'its weight stands on the left' : 'both sides are computed';
  const type = tensorType(tensor);
  if (type !== 'float32') return `its weight '${name}' is ${type}, not float32`;
  const dims = tensorDims(tensor);
  const matrix = dims.slice(-2);
  if (dims.length < 2) return 'its weight is a vector';
  if (dims.slice(0, -2).some((d) => d !== 1))
    return `its weight [${dims.join(', ')}] is a stack of matrices; the kernel takes one`;
  // leading ones add axes to the result where the input has fewer
  if (dims.length > 2 && (shapeOf(left)?.length ?? 0) < dims.length)
    return `its weight has ${dims.length} axes and its input fewer`;
  return sized(name, matrix, transpose ? 1 : 0, transpose);
}

/** The weight of Q, K and V, whose product can stand apart from the rest. */
function ofAttention(index: GraphIndex, node: NodeProto, shapeOf: ShapeOf): WeightSource | string {
  const name = node.input[1] ?? '';
  const tensor = index.initializer(name);
  if (!tensor) return `its weight '${name}' is computed, not a constant`;
  const type = tensorType(tensor);
  if (type !== 'float32') return `its weight '${name}' is ${type}, not float32`;
  return whyNotTakenApart(index, node, shapeOf) ?? sized(name, tensorDims(tensor), 0, null);
}

function ofGemm(index: GraphIndex, node: NodeProto): WeightSource | string {
  const name = node.input[1] ?? '';
  const tensor = index.initializer(name);
  if (!tensor) return `its weight '${name}' is computed, not a constant`;
  const type = tensorType(tensor);
  if (type !== 'float32') return `its weight '${name}' is ${type}, not float32`;
  if (intAttribute(node, 'transA', 0) !== 0) return 'it transposes its input';
  if (floatAttribute(node, 'alpha', 1) !== 1) return 'its alpha is not 1';
  if (node.input[2] && floatAttribute(node, 'beta', 1) !== 1) return 'its beta is not 1';
  return sized(name, tensorDims(tensor), intAttribute(node, 'transB', 0) === 0 ? 0 : 1, null);
}

function ofGather(index: GraphIndex, node: NodeProto): WeightSource | string {
  const name = node.input[0] ?? '';
  const tensor = index.initializer(name);
  if (!tensor) return 'its table is computed, not a constant';
  const type = tensorType(tensor);
  if (type !== 'float32') return `its table '${name}' is ${type}, not float32`;
  const dims = tensorDims(tensor);
  if (dims.length !== 2) return `its table has ${dims.length} axes; the kernel takes 2`;
  if (![0, -2].includes(intAttribute(node, 'axis', 0))) return 'it gathers columns, not rows';
  return sized(name, dims, 1, null);
}

function sized(
  tensor: string,
  dims: readonly number[],
  kAxis: 0 | 1,
  transpose: NodeProto | null,
): WeightSource | string {
  const [rows, columns] = dims as [number, number];
  if (rows === 0 || columns === 0) return 'its weight is empty';
  const [k, n] = kAxis === 0 ? [rows, columns] : [columns, rows];
  return { tensor, kAxis, k, n, transpose };
}

/** The Transpose of a constant matrix that gives this tensor. */
function plainTranspose(index: GraphIndex, tensor: string): NodeProto | null {
  const node = index.producer(tensor);
  if (node?.opType !== 'Transpose' || !isDefaultDomain(node.domain)) return null;
  const constant = index.initializer(node.input[0] ?? '');
  if (constant?.dims.length !== 2) return null;
  const perm = intsAttribute(node, 'perm') ?? [1, 0];
  return perm[0] === 1 ? node : null;
}
