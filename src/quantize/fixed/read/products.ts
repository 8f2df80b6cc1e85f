/** Conv, Gemm, MatMul and the bias behind it. */
import { floatAttribute, floatData, intAttribute, tensorType, type NodeProto } from '../../../onnx';
import { windowOf } from '../../pair-sums/rows';
import { convWeights, matrixWeights } from '../../pair-sums/weights';
import { sumBounds, unpadded } from '../sums';
import { OPEN, type Constant, type Made, type ReadState } from './state';

/** A convolution of codes with constant weights; null where it is none. */
export function readConv(state: ReadState, node: NodeProto, input: string): Made | null {
  const weight = state.constants.get(node.input[1]!);
  if (!weight || !(weight.codes instanceof Int8Array)) return null;
  const bias = biasOf(state, node.input[2]);
  if (bias === undefined) return null;
  const [channels] = weight.dims as [number];
  const window = windowOf(node, state.tensors.get(input)!.shape, weight.dims);
  const packed = convWeights(weight.codes, weight.dims);
  const depth = weight.dims.slice(1).reduce((a, b) => a * b, 1);
  const weights = unpadded(packed.codes, channels, packed.depth, depth);
  const codes = (bias?.codes as Int32Array | undefined) ?? null;
  const shape = state.shapeOf(node.output[0]!, node);
  return {
    step: {
      op: 'conv',
      name: state.nameOf(node),
      inputs: [input],
      output: '',
      dims: shape,
      requantize: null,
      sum: sumBounds(weights, codes, channels, state.codes(input)),
      sumFraction: sumFraction(state, node, input, weight, bias, channels),
      weights,
      weightFraction: weightFraction(weight),
      bias: codes,
      channels,
      group: window.group,
      kernel: window.kernel,
      strides: window.strides,
      dilations: window.dilations,
      begin: window.begin,
    },
    shape,
    ...OPEN,
  };
}

/** A product of codes and a constant matrix; null where it is none. */
export function readMatrix(state: ReadState, node: NodeProto, input: string): Made | null {
  const weight = state.constants.get(node.input[1]!);
  if (!weight || !(weight.codes instanceof Int8Array) || weight.dims.length !== 2) return null;
  const gemm = node.opType === 'Gemm';
  if (gemm && (intAttribute(node, 'transA', 0) !== 0 || floatAttribute(node, 'alpha', 1) !== 1))
    return null;
  const bias = biasOf(state, gemm ? node.input[2] : undefined);
  if (bias === undefined || (bias && floatAttribute(node, 'beta', 1) !== 1)) return null;
  const transposed = gemm && intAttribute(node, 'transB', 0) !== 0;
  const [a, b] = weight.dims as [number, number];
  const [depth, columns] = transposed ? [b, a] : [a, b];
  const packed = matrixWeights(weight.codes, [depth, columns], transposed);
  const weights = unpadded(packed.codes, columns, packed.depth, depth);
  const shape = state.shapeOf(node.output[0]!, node);
  const codes = (bias?.codes as Int32Array | undefined) ?? null;
  return {
    step: {
      op: 'matrix',
      name: state.nameOf(node),
      inputs: [input],
      output: '',
      dims: shape,
      requantize: null,
      sum: sumBounds(weights, codes, columns, state.codes(input)),
      sumFraction: sumFraction(state, node, input, weight, bias, columns),
      weights,
      weightFraction: weightFraction(weight),
      bias: codes,
      rows: shape.reduce((x, y) => x * y, 1) / columns,
      depth,
      columns,
    },
    shape,
    ...OPEN,
  };
}

/** The bias that an Add puts behind a MatMul: floats that are whole numbers of its sum's codes; null where it is none. */
export function readBias(state: ReadState, node: NodeProto): Made | null {
  if (node.opType !== 'Add') return null;
  const at = node.input.findIndex((name) => state.pending.get(name)?.step.op === 'matrix');
  const constant = state.index.initializer(node.input[1 - at] ?? '');
  if (at < 0 || !constant || tensorType(constant) !== 'float32') return null;
  const waiting = state.pending.get(node.input[at]!)!;
  const { step } = waiting;
  if (step.op !== 'matrix' || step.bias) return null;
  if (waiting.low !== -Infinity || waiting.high !== Infinity) return null;
  const values = floatData(constant, state.model.dir);
  if (values.length !== 1 && values.length !== step.columns) return null;
  const codes = Array.from({ length: step.columns }, (_, c) => {
    const places = typeof step.sumFraction === 'number' ? step.sumFraction : step.sumFraction[c]!;
    return values[values.length === 1 ? 0 : c]! * 2 ** places;
  });
  if (!codes.every((code) => Number.isInteger(code) && Math.abs(code) < 2 ** 31)) return null;
  const bias = Int32Array.from(codes);
  const sum = sumBounds(step.weights, bias, step.columns, state.codes(step.inputs[0]!));
  const { shape, low, high } = waiting;
  return { step: { ...step, bias, sum }, shape, low, high };
}

/** The codes of a bias, null without one, undefined where it is no constant of int32. */
function biasOf(state: ReadState, name = ''): Constant | null | undefined {
  if (name === '') return null;
  const bias = state.constants.get(name);
  return bias?.codes instanceof Int32Array ? bias : undefined;
}

function weightFraction({ exponents }: Constant): number | number[] {
  const places = exponents.map((e) => -e);
  return places.every((p) => p === places[0]) ? places[0]! : places;
}

/** Binary places of Σ x·w, by channel where weights have scales of their own; the bias has to have the same. */
function sumFraction(
  state: ReadState,
  node: NodeProto,
  input: string,
  weight: Constant,
  bias: Constant | null,
  channels: number,
): number | number[] {
  const own = state.fraction(input);
  const of = (exponents: readonly number[], c: number) =>
    exponents[exponents.length === 1 ? 0 : c]!;
  const all = Array.from({ length: channels }, (_, c) => own - of(weight.exponents, c));
  if (bias && all.some((f, c) => f !== -of(bias.exponents, c)))
    throw state.refuse(node, 'has a bias of another scale than its products');
  return all.every((f) => f === all[0]) ? all[0]! : all;
}
