import { operatorSince } from '../../onnx/operators';
import type { OperatorRow, UnitKind } from './types';

type Quantized = Partial<Pick<OperatorRow, 'weight' | 'bias' | 'activations'>>;

/** One row of ONNX's own domain; with nothing said, input 0 is the only activation. */
function row(op: string, unit: UnitKind, quantized: Quantized = {}): OperatorRow {
  const { activations = [0], weight = null, bias = null } = quantized;
  return { op, domain: '', unit, activations, weight, bias, since: operatorSince(op)! };
}

const rows = (names: string, unit: UnitKind, quantized: Quantized = {}) =>
  names.split(' ').map((op) => row(op, unit, quantized));

/** One row of the runtime's own domain. */
function contrib(op: string, weight: OperatorRow['weight'] = null): OperatorRow {
  const quantized = { activations: [0], weight, bias: null };
  return { op, domain: 'com.microsoft', unit: 'alone', ...quantized, since: 1 };
}

const BOTH = [0, 1] as const;

/**
 * Every operator that the table speaks of: what one layer with it is, and what of it can be quantized. What a
 * target makes of it stands in that target's column. In the order of the documentation page.
 */
export const ROWS: readonly OperatorRow[] = [
  row('Conv', 'activation', { weight: { slot: 1, axis: 0 }, bias: 2 }),
  row('ConvTranspose', 'activation', { weight: { slot: 1, axis: 1 }, bias: 2 }),
  row('Gemm', 'activation', { weight: { slot: 1, axis: 'transB' }, bias: 2 }),
  row('MatMul', 'bias', { activations: BOTH, weight: { slot: 1, axis: 'last' } }),
  row('LSTM', 'alone', { weight: { slot: 1, axis: null } }),
  row('GRU', 'alone', { weight: { slot: 1, axis: null } }),
  row('RNN', 'alone', { weight: { slot: 1, axis: null } }),
  row('Einsum', 'alone', { activations: 'all' }),

  row('Add', 'activation', { activations: BOTH }),
  row('Mul', 'alone', { activations: BOTH }),
  row('Concat', 'moves', { activations: 'all' }),
  row('Where', 'alone', { activations: [1, 2] }),
  ...rows('LeakyRelu Sigmoid Softmax AveragePool GlobalAveragePool', 'alone'),

  row('MaxPool', 'alone'),
  row('Resize', 'alone'),
  ...rows('Transpose Reshape Flatten Squeeze Unsqueeze Slice Split', 'moves'),
  row('Gather', 'moves', { weight: { slot: 0, axis: 'last' } }),
  ...rows('GatherElements Expand Tile DepthToSpace Identity', 'moves'),
  ...rows('ReduceMax ReduceMin', 'alone'),
  row('ArgMax', 'alone'),
  row('Relu', 'alone'),
  row('Clip', 'alone'),

  ...rows('Sub Div Pow PRelu', 'alone', { activations: BOTH }),
  ...rows('Max Min Mean Sum', 'alone', { activations: 'all' }),
  ...rows('Tanh HardSigmoid HardSwish Elu Selu Celu ThresholdedRelu Softplus Softsign', 'alone'),
  ...rows('Gelu Mish Swish Erf Exp Log Sqrt Reciprocal Abs Neg Sign Floor Ceil Round', 'alone'),
  ...rows('Sin Cos CumSum LogSoftmax', 'alone'),
  ...rows('ReduceMean ReduceSum ReduceProd ReduceL1 ReduceL2', 'alone'),
  ...rows('ReduceSumSquare ReduceLogSum ReduceLogSumExp', 'alone'),
  ...rows('GlobalMaxPool LpPool GlobalLpPool', 'alone'),
  ...rows('BatchNormalization InstanceNormalization LayerNormalization', 'alone'),
  ...rows('GroupNormalization RMSNormalization LpNormalization', 'alone'),
  ...rows('MeanVarianceNormalization LRN', 'alone'),
  ...rows('Pad SpaceToDepth TopK GatherND ScatterND ScatterElements', 'moves'),
  ...rows('ReverseSequence Compress Trilu', 'moves'),
  row('GridSample', 'alone'),
  row('Attention', 'alone', { activations: [0, 1, 2] }),
  contrib('Attention', { slot: 1, axis: 1 }),
  ...['MultiHeadAttention', 'SkipLayerNormalization', 'FusedMatMul'].map((op) => contrib(op)),
  ...['Gelu', 'FastGelu', 'BiasGelu', 'QuickGelu'].map((op) => contrib(op)),
];
