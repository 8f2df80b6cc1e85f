import { NEAREST, NO_INDICES, NOT_TRANSPOSED } from './conditions';
import { all, float } from './rules';
import type { IntegerRule, TargetColumn } from './types';

const weight = (more: Partial<IntegerRule> = {}): IntegerRule => ({
  form: 'weight',
  kernel: null,
  floatOutput: true,
  ...more,
});
const fused: IntegerRule = { form: 'elementwise', kernel: null, onlyIfNeeded: true };
const commutes = (more: Partial<IntegerRule> = {}): IntegerRule => ({
  form: 'passthrough',
  kernel: null,
  ...more,
});

const pointwise = (op: string) =>
  float(
    `TensorRT fuses ${op} into its neighbours as it is: a quantizer of its own would part them`,
  );
const none = (op: string) => float(`TensorRT has no INT8 form of ${op}`);

/**
 * TensorRT's explicit quantization (NVIDIA, *TensorRT documentation*, “Explicit Quantization”: Q/DQ layer-placement
 * recommendations). Weighted layers read codes and are left in float; a residual Add takes its skip input as codes and
 * becomes part of the layer before it; what commutes with a quantizer needs none, because TensorRT moves the ones
 * behind and before it.
 */
export const TENSORRT: TargetColumn = {
  ...all('Conv ConvTranspose', () => weight()),
  Gemm: weight({ only: [NOT_TRANSPOSED] }),
  MatMul: weight(),
  Add: fused,
  AveragePool: fused,
  GlobalAveragePool: fused,
  MaxPool: commutes({ only: [NO_INDICES] }),
  Resize: commutes({ only: [NEAREST] }),
  ...all('Transpose Reshape Flatten Squeeze Unsqueeze Slice Split Gather Concat', () => commutes()),
  ...all('Expand Tile DepthToSpace SpaceToDepth Identity', () => commutes()),
  ...all('Relu Clip LeakyRelu Sigmoid Tanh HardSigmoid HardSwish Elu Selu Softplus', pointwise),
  ...all('Mul Sub Div Pow Max Min PRelu Erf Exp Log Sqrt Abs Neg Gelu Where', pointwise),
  Softmax: float('Softmax stays float: what enters it may hold masks, what leaves it decides'),
  ...all('LSTM GRU RNN LayerNormalization InstanceNormalization ReduceMean', none),
};
