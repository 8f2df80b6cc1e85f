/** Integer kernels of an optimized graph that add pairs in 16 bits on x86 without VNNI. */
import {
  intAttribute,
  floatAttribute,
  tensorData,
  tensorDims,
  tensorType,
  type NodeProto,
  type TensorProto,
  type TensorValue,
} from '../../onnx';
import { chooseParams, quantizeArray, roundHalfEven, type QuantParams } from '../../numeric';
import {
  clippingPairs,
  convWeights,
  isDepthwise,
  matrixWeights,
  type KernelWeights,
} from './weights';

/** Constants of the graph by name. */
export type ConstantOf = (name: string) => TensorProto | undefined;

/** A kernel with its weights, and how a sum of products becomes a value of its result. */
export interface PairKernel {
  node: NodeProto;
  /** Name of the weight's tensor of codes. */
  weight: string;
  form: 'conv' | 'matrix';
  /** Dims of the weight as the node has it. */
  dims: number[];
  weights: KernelWeights;
  /** Matrices that a weight of more than two axes stacks. */
  stacked: number;
  /** Channels of which some activations make a pair clip. */
  atRisk: number;
  /** The same channels by pair: entry `group · depth/2 + k/2` is about the pair at place k. */
  riskyAt: Int32Array[];
  /** Codes of the left operand. */
  codesOf: (inputs: readonly (TensorValue | undefined)[]) => {
    codes: Uint8Array;
    params: QuantParams;
  };
  /** Code of zero in the result; 0 where it is no code. */
  outputZero: number;
  /** Value of the result for Σ x·w of a channel. */
  finish: (sum: number, channel: number, params: QuantParams) => number;
}

/** Slots of a kernel's operands; a missing one does not exist for it. */
interface Slots {
  x: number;
  w: number;
  xScale?: number;
  xZero?: number;
  wScale?: number;
  wZero?: number;
  yScale?: number;
  yZero?: number;
  /** int32 bias, added to the sum. */
  bias?: number;
  /** float32 bias, added to the result. */
  floatBias?: number;
}

const SLOTS: Readonly<Record<string, Slots>> = {
  QLinearConv: {
    x: 0,
    xScale: 1,
    xZero: 2,
    w: 3,
    wScale: 4,
    wZero: 5,
    yScale: 6,
    yZero: 7,
    bias: 8,
  },
  QLinearMatMul: { x: 0, xScale: 1, xZero: 2, w: 3, wScale: 4, wZero: 5, yScale: 6, yZero: 7 },
  QGemm: { x: 0, xScale: 1, xZero: 2, w: 3, wScale: 4, wZero: 5, bias: 6, yScale: 7, yZero: 8 },
  MatMulInteger: { x: 0, w: 1, xZero: 2, wZero: 3 },
  MatMulIntegerToFloat: { x: 0, w: 1, xScale: 2, wScale: 3, xZero: 4, wZero: 5, floatBias: 6 },
  DynamicQuantizeMatMul: { x: 0, w: 1, wScale: 2, wZero: 3, floatBias: 4 },
};

/**
 * Reads a node of an optimized graph as such a kernel. Null where it is none, or multiplies in more bits: ConvInteger,
 * depthwise convolutions, unsigned weights, signed activations, weights that are computed or have a zero point.
 */
export function pairKernel(node: NodeProto, constantOf: ConstantOf): PairKernel | null {
  const slots = Object.hasOwn(SLOTS, node.opType) ? SLOTS[node.opType]! : null;
  if (!slots) return null;
  const constant = (slot: number | undefined) =>
    slot === undefined ? undefined : constantOf(node.input[slot] ?? '');
  const weight = constant(slots.w);
  if (!weight || tensorType(weight) !== 'int8') return null;
  const zero = constant(slots.xZero);
  if (zero && tensorType(zero) !== 'uint8') return null;
  const numbers = (slot: number | undefined): ArrayLike<number> | null => {
    const tensor = constant(slot);
    return tensor ? (tensorData(tensor) as unknown as ArrayLike<number>) : null;
  };
  if (Array.from(numbers(slots.wZero) ?? []).some((z) => z !== 0)) return null;
  const dims = tensorDims(weight);
  const form = node.opType === 'QLinearConv' ? 'conv' : 'matrix';
  const layout = layoutOf(node, form, dims, tensorData(weight) as Int8Array);
  if (!layout) return null;
  const { weights } = layout;
  const finish = finisher(node, slots, numbers, weights);
  const known = params(numbers(slots.xScale), numbers(slots.xZero));
  return {
    node,
    weight: weight.name,
    form,
    dims,
    ...layout,
    ...risks(weights, form === 'conv' ? intAttribute(node, 'group', 1) : layout.stacked),
    codesOf: (inputs) => codesOf(inputs, slots, known),
    outputZero: numbers(slots.yZero)?.[0] ?? 0,
    finish,
  };
}

function layoutOf(
  node: NodeProto,
  form: PairKernel['form'],
  dims: number[],
  codes: Int8Array,
): { weights: KernelWeights; stacked: number } | null {
  if (form === 'conv') {
    if (isDepthwise(dims, intAttribute(node, 'group', 1))) return null;
    return { weights: convWeights(codes, dims), stacked: 1 };
  }
  if (dims.length < 2 || intAttribute(node, 'transA', 0) !== 0) return null;
  const transposed = intAttribute(node, 'transB', 0) !== 0;
  const [a, b] = dims.slice(-2) as [number, number];
  const [rows, columns] = transposed ? [b, a] : [a, b];
  const stacked = dims.slice(0, -2).reduce((n, d) => n * d, 1);
  const matrices = Array.from({ length: stacked }, (_, i) =>
    matrixWeights(codes.subarray(i * a * b, (i + 1) * a * b), [rows, columns], transposed),
  );
  const depth = matrices[0]?.depth ?? 0;
  const all = new Int8Array(stacked * columns * depth);
  matrices.forEach((m, i) => all.set(m.codes, i * columns * depth));
  return { weights: { channels: stacked * columns, depth, codes: all }, stacked };
}

/** Where channels can clip; channels lie group after group. */
function risks(weights: KernelWeights, groups: number): Pick<PairKernel, 'atRisk' | 'riskyAt'> {
  const { channels, depth } = weights;
  const lists = Array.from({ length: (groups * depth) / 2 }, (): number[] => []);
  let atRisk = 0;
  for (let c = 0; c < channels; c++) {
    const pairs = clippingPairs(weights, c);
    if (pairs.length > 0) atRisk++;
    const first = (Math.floor(c / (channels / groups)) * depth) / 2;
    for (const k of pairs) lists[first + k / 2]!.push(c);
  }
  return { atRisk, riskyAt: lists.map((list) => Int32Array.from(list)) };
}

function params(scale: ArrayLike<number> | null, zero: ArrayLike<number> | null): QuantParams {
  return { scale: scale?.[0] ?? 1, zeroPoint: zero?.[0] ?? 0 };
}

/** The left operand's codes: they come in, or the kernel makes them of floats (DynamicQuantizeLinear). */
function codesOf(
  inputs: readonly (TensorValue | undefined)[],
  slots: Slots,
  known: QuantParams,
): { codes: Uint8Array; params: QuantParams } {
  const { data } = inputs[slots.x]!;
  const given = (slot: number | undefined): ArrayLike<number> | null =>
    slot === undefined ? null : ((inputs[slot]?.data as unknown as ArrayLike<number>) ?? null);
  if (data instanceof Uint8Array)
    return {
      codes: data,
      params: {
        scale: given(slots.xScale)?.[0] ?? known.scale,
        zeroPoint: given(slots.xZero)?.[0] ?? known.zeroPoint,
      },
    };
  const values = data as Float32Array;
  let [min, max] = [0, 0];
  for (const v of values) {
    if (v < min) min = v;
    if (v > max) max = v;
  }
  const chosen = chooseParams(min, max, 'uint8');
  return { codes: quantizeArray(values, chosen, 'uint8'), params: chosen };
}

/**
 * How the runtime goes on from the sum: zero point and int32 bias in integers, then one multiplication in float32, and
 * for codes rounding to even and clamping (read off its own kernels, bit for bit, by the tests).
 */
function finisher(
  node: NodeProto,
  slots: Slots,
  numbers: (slot: number | undefined) => ArrayLike<number> | null,
  { channels, depth, codes }: KernelWeights,
): PairKernel['finish'] {
  const sums = new Int32Array(channels);
  for (let c = 0; c < channels; c++)
    for (let k = 0; k < depth; k++) sums[c]! += codes[c * depth + k]!;
  const at = (list: ArrayLike<number> | null, c: number, otherwise: number) =>
    list === null || list.length === 0 ? otherwise : list[list.length === 1 ? 0 : c % list.length]!;
  const bias = numbers(slots.bias);
  const floatBias = numbers(slots.floatBias);
  const wScale = numbers(slots.wScale);
  const yScale = numbers(slots.yScale);
  const yZero = numbers(slots.yZero);
  const alpha = node.opType === 'QGemm' ? floatAttribute(node, 'alpha', 1) : 1;
  const integerOut = node.opType === 'MatMulInteger';
  const { fround } = Math;
  return (sum, c, { scale, zeroPoint }) => {
    const accumulator = sum - zeroPoint * sums[c]! + at(bias, c, 0);
    if (integerOut) return accumulator;
    const product = fround(fround(fround(alpha) * scale) * at(wScale, c, 1));
    if (yScale === null || yScale.length === 0)
      return fround(fround(accumulator) * product) + at(floatBias, c, 0);
    const zero = yZero?.[0] ?? 0;
    const value = fround(fround(accumulator) * fround(product / yScale[0]!));
    return roundHalfEven(Math.max(0 - zero, Math.min(255 - zero, value))) + zero;
  };
}
