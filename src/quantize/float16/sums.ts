import { channelLayout, HALF_MAX } from '../../numeric';
import {
  floatData,
  GraphIndex,
  intAttribute,
  integerValues,
  intsAttribute,
  isDefaultDomain,
  tensorDims,
  tensorType,
  type Model,
  type NodeProto,
} from '../../onnx';
import type { Statistics } from '../calibrate';
import type { TensorStatistics } from '../statistics';
import { because, digits, type FloatReason } from './reasons';

/**
 * Nodes of the main graph whose inner sums may leave float16 where a kernel adds up in float16, by what calibration saw
 * of their inputs (rms: root of the mean square):
 * 1. Sums and means of K values, poolings too: K · rms.
 * 2. Norms and normalizations, which add squares: K · rms². LayerNormalization and RMSNormalization add in float32 by
 *    their definition, unless `stash_type` says otherwise.
 * 3. Softmax adds K values of at most 1.
 * 4. Conv, Gemm and MatMul: √K · rms · the largest length of an output's weights (Cauchy and Schwarz); with two computed
 *    sides K · rms · rms.
 * These are sizes to expect, not bounds; a sum above 65504 keeps the node float32. Does nothing where a shape or a
 * statistic is missing.
 */
export function longSums(prepared: Model, statistics: Statistics): Map<string, FloatReason> {
  const index = new GraphIndex(prepared.graph);
  const keep = new Map<string, FloatReason>();
  for (const node of prepared.graph.node) {
    if (!isDefaultDomain(node.domain)) continue;
    const seen = statistics.get(node.input[0] ?? '');
    if (!seen || seen.dims.length === 0) continue;
    const found = sumOf(prepared, index, node, seen, statistics);
    if (!found || !(found.size > HALF_MAX)) continue;
    const message = `${found.what} may reach ${digits(found.size)} in a kernel that adds in float16`;
    keep.set(node.name, because('sum', message, found.size));
  }
  return keep;
}

interface Sum {
  size: number;
  what: string;
}

function sumOf(
  model: Model,
  index: GraphIndex,
  node: NodeProto,
  seen: TensorStatistics,
  statistics: Statistics,
): Sum | null {
  const square = meanSquare(seen);
  const rms = Math.sqrt(square);
  const { dims } = seen;
  const sum = (count: number, each: number, of: string): Sum => ({
    size: count * each,
    what: `the sum of ${count} ${of}`,
  });
  const spatial = dims.slice(2).reduce((n, d) => n * d, 1);
  switch (node.opType) {
    case 'ReduceSum':
    case 'ReduceMean':
    case 'ReduceL1':
      return sum(reduced(model, index, node, dims), rms, 'values');
    case 'ReduceSumSquare':
    case 'ReduceL2':
      return sum(reduced(model, index, node, dims), square, 'squares');
    case 'GlobalAveragePool':
      return sum(spatial, rms, 'values');
    case 'AveragePool':
      return sum(
        (intsAttribute(node, 'kernel_shape') ?? []).reduce((n, k) => n * k, 1),
        rms,
        'values',
      );
    case 'InstanceNormalization':
      return sum(spatial, square, 'squares');
    case 'GroupNormalization':
      return sum(
        (spatial * (dims[1] ?? 1)) / intAttribute(node, 'num_groups', 1),
        square,
        'squares',
      );
    case 'LpNormalization':
      return sum(at(dims, intAttribute(node, 'axis', -1)), square, 'squares');
    case 'LayerNormalization':
    case 'RMSNormalization': {
      if (intAttribute(node, 'stash_type', 1) === 1) return null;
      const axis = intAttribute(node, 'axis', -1);
      const from = axis < 0 ? axis + dims.length : axis;
      return sum(
        dims.slice(from).reduce((n, d) => n * d, 1),
        square,
        'squares',
      );
    }
    case 'Softmax':
    case 'LogSoftmax':
      return sum(at(dims, intAttribute(node, 'axis', -1)), 1, 'exponentials');
    case 'Conv':
    case 'ConvTranspose':
    case 'Gemm':
    case 'MatMul':
      return products(model, index, node, seen, rms, statistics);
    default:
      return null;
  }
}

function products(
  model: Model,
  index: GraphIndex,
  node: NodeProto,
  seen: TensorStatistics,
  rms: number,
  statistics: Statistics,
): Sum | null {
  const weight = index.initializer(node.input[1] ?? '');
  if (!weight) {
    const other = statistics.get(node.input[1] ?? '');
    const count = seen.dims.at(-1) ?? 0;
    if (node.opType !== 'MatMul' || !other) return null;
    return {
      size: count * rms * Math.sqrt(meanSquare(other)),
      what: `the sum of ${count} products`,
    };
  }
  if (tensorType(weight) !== 'float32') return null;
  const dims = tensorDims(weight);
  const axis = outputAxis(node, dims.length);
  if (dims.length < 2 || axis < 0) return null;
  const { squares, count } = rowSquares(floatData(weight, model.dir), dims, axis);
  const longest = Math.sqrt(squares.reduce((m, x) => Math.max(m, x), 0));
  return { size: Math.sqrt(count) * rms * longest, what: `the sum of ${count} products` };
}

/** Output axis of a weight, for the length of each output's weights. */
function outputAxis(node: NodeProto, rank: number): number {
  if (node.opType === 'Conv') return 0;
  if (node.opType === 'ConvTranspose') return 1;
  if (node.opType === 'Gemm') return intAttribute(node, 'transB', 0) === 0 ? 1 : 0;
  return rank - 1;
}

/** Sum of the squares of each output's weights, and how many they are. */
function rowSquares(
  values: Float32Array,
  dims: readonly number[],
  axis: number,
): { squares: Float64Array; count: number } {
  const { outer, channels, inner } = channelLayout(dims, axis);
  const squares = new Float64Array(channels);
  let at = 0;
  for (let o = 0; o < outer; o++)
    for (let c = 0; c < channels; c++)
      for (let k = 0; k < inner; k++, at++) squares[c]! += values[at]! ** 2;
  return { squares, count: outer * inner };
}

/** How many values a reduction adds up; 1 where its axes are computed. */
function reduced(
  model: Model,
  index: GraphIndex,
  node: NodeProto,
  dims: readonly number[],
): number {
  const given = node.input[1] ?? '';
  const constant = index.initializer(given);
  if (given !== '' && !constant) return 1;
  const axes = constant ? integerValues(constant, model.dir) : intsAttribute(node, 'axes');
  if (!axes || axes.length === 0) {
    const none = intAttribute(node, 'noop_with_empty_axes', 0) !== 0;
    return none ? 1 : dims.reduce((n, d) => n * d, 1);
  }
  return axes.reduce((n, axis) => n * at(dims, axis), 1);
}

function at(dims: readonly number[], axis: number): number {
  return dims[axis < 0 ? axis + dims.length : axis] ?? 1;
}

function meanSquare({ moments }: TensorStatistics): number {
  return moments.variance + moments.mean ** 2;
}
