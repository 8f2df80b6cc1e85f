import { NEAREST, NO_INDICES, NOT_TRANSPOSED } from './conditions';
import { all, float } from './rules';
import type { IntegerRule, TargetColumn } from './types';

const weight = (kernel: string, more: Partial<IntegerRule> = {}): IntegerRule => ({
  form: 'weight',
  kernel,
  ...more,
});
const elementwise = (kernel: string, more: Partial<IntegerRule> = {}): IntegerRule => ({
  form: 'elementwise',
  kernel,
  onlyIfNeeded: true,
  ...more,
});
const moves = (more: Partial<IntegerRule> = {}): IntegerRule => ({
  form: 'passthrough',
  kernel: null,
  ...more,
});
const apart = (kernel: string): IntegerRule => ({ form: 'apart', kernel, floatOutput: true });
const none = (op: string) => float(`onnxruntime has no integer kernel for ${op} on CPU`);

const SOFTMAX =
  'Softmax stays float: what enters it may hold masks, what leaves it is small and decides';

/**
 * onnxruntime's CPU provider (DESIGN §4.3): what it makes of DequantizeLinear → operator → QuantizeLinear.
 * `test/quantize/operators.integration.test.ts` runs every row through the runtime.
 */
export const CPU: TargetColumn = {
  Conv: weight('QLinearConv'),
  Gemm: weight('QGemm', { floatOutput: true, only: [NOT_TRANSPOSED] }),
  MatMul: weight('QLinearMatMul', { floatOutput: true }),

  ...all('LSTM GRU RNN', () => apart('MatMulIntegerToFloat')),

  Add: elementwise('QLinearAdd'),
  Mul: elementwise('QLinearMul'),
  Concat: elementwise('QLinearConcat'),
  LeakyRelu: elementwise('QLinearLeakyRelu'),
  Sigmoid: elementwise('QLinearSigmoid'),
  AveragePool: elementwise('QLinearAveragePool'),
  GlobalAveragePool: elementwise('QLinearGlobalAveragePool'),
  Where: elementwise('QLinearWhere', {
    floatByDefault: 'Where stays float: one of its branches may be a mask',
  }),
  Softmax: elementwise('QLinearSoftmax', { floatByDefault: SOFTMAX }),

  MaxPool: moves({ only: [NO_INDICES] }),
  Resize: moves({ only: [NEAREST] }),
  ...all('Transpose Reshape Flatten Squeeze Unsqueeze Slice Split Gather', () => moves()),
  ...all('GatherElements Expand Tile DepthToSpace Identity', () => moves()),
  ...all('ReduceMax ReduceMin', () => moves()),

  ArgMax: float('ArgMax gives indices: the runtime lets it read codes by itself'),
  Relu: float('a Relu that is not behind a layer of its own runs in float'),
  Clip: float('a Clip that is not behind a layer of its own runs in float'),
  LogSoftmax: float('LogSoftmax stays float: it turns differences into the answer'),
  ...all('ConvTranspose Einsum Sub Div Pow PRelu Max Min Mean Sum Tanh HardSigmoid', none),
  ...all('HardSwish Elu Selu Celu ThresholdedRelu Softplus Softsign Gelu Mish Swish Erf', none),
  ...all('Exp Log Sqrt Reciprocal Abs Neg Sign Floor Ceil Round Sin Cos CumSum', none),
  ...all('ReduceMean ReduceSum ReduceProd ReduceL1 ReduceL2 ReduceSumSquare', none),
  ...all('ReduceLogSum ReduceLogSumExp GlobalMaxPool LpPool GlobalLpPool', none),
  ...all('BatchNormalization InstanceNormalization LayerNormalization', none),
  ...all('GroupNormalization RMSNormalization LpNormalization', none),
  ...all('MeanVarianceNormalization LRN GridSample Attention', none),
  ...all('Pad SpaceToDepth TopK GatherND ScatterND ScatterElements', none),
  ...all('ReverseSequence Compress Trilu', none),
  'com.microsoft.Attention': apart('QAttention'),
  ...Object.fromEntries(
    [
      ...['MultiHeadAttention', 'SkipLayerNormalization', 'FusedMatMul'],
      ...['Gelu', 'FastGelu', 'BiasGelu', 'QuickGelu'],
    ].map((op) => [`com.microsoft.${op}`, none(op)]),
  ),
};
