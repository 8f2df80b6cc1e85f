/** The operators of ONNX's default domain, and since which opset each exists. */

/**
 * From onnx 1.22, with what onnxruntime has in that domain besides: the operators on trial in the first releases, and
 * LayerNormalization before 17.
 */
const SINCE: Readonly<Record<number, string>> = {
  1: 'ATen Abs Add Affine And ArgMax ArgMin AveragePool BatchNormalization Cast Ceil Clip Concat Constant ConstantFill Conv ConvTranspose Crop DepthToSpace Div Dropout DynamicSlice Elu Equal Exp FC Flatten Floor GRU GRUUnit Gather Gemm GivenTensorFill GlobalAveragePool GlobalLpPool GlobalMaxPool Greater HardSigmoid Hardmax Identity If ImageScaler InstanceNormalization LRN LSTM LayerNormalization LeakyRelu Less Log LogSoftmax Loop LpNormalization LpPool MatMul Max MaxPool MaxRoiPool Mean MeanVarianceNormalization Min Mul Neg Not Or PRelu Pad ParametricSoftplus Pow RNN RandomNormal RandomNormalLike RandomUniform RandomUniformLike Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Scale ScaledTanh Selu Shape Sigmoid SimplifiedLayerNormalization Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh ThresholdedRelu Tile TopK Transpose Unsqueeze Upsample Xor',
  7: 'Acos Asin Atan Cos Multinomial Sin Tan',
  8: 'Expand Scan',
  9: 'Acosh Asinh Atanh Compress ConstantOfShape Cosh Erf EyeLike IsNaN MaxUnpool NonZero OneHot Scatter Shrink Sign Sinh TfIdfVectorizer Where',
  10: 'ConvInteger DequantizeLinear IsInf MatMulInteger Mod NonMaxSuppression QLinearConv QLinearMatMul QuantizeLinear Resize ReverseSequence RoiAlign StringNormalizer',
  11: 'BitShift ConcatFromSequence CumSum Det DynamicQuantizeLinear GatherElements GatherND Range Round ScatterElements ScatterND SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SplitToSequence Unique',
  12: 'Celu Einsum GreaterOrEqual LessOrEqual NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss',
  14: 'HardSwish Trilu',
  15: 'Bernoulli CastLike Optional OptionalGetElement OptionalHasElement',
  16: 'GridSample',
  17: 'BlackmanWindow DFT HammingWindow HannWindow MelWeightMatrix STFT SequenceMap',
  18: 'BitwiseAnd BitwiseNot BitwiseOr BitwiseXor CenterCropPad Col2Im GroupNormalization Mish',
  19: 'DeformConv',
  20: 'AffineGrid Gelu ImageDecoder RegexFullMatch StringConcat StringSplit',
  23: 'Attention RMSNormalization RotaryEmbedding',
  24: 'Swish TensorScatter',
  26: 'BitCast CumProd',
  27: 'CausalConvWithState LinearAttention',
};

const FIRST = new Map<string, number>();
for (const [since, names] of Object.entries(SINCE))
  for (const name of names.split(' ')) FIRST.set(name, Number(since));

/** Opset in which an operator of the default domain first was; undefined where there is no such operator. */
export function operatorSince(opType: string): number | undefined {
  return FIRST.get(opType);
}

/** Newest opset of the default domain that onnxruntime 1.30 loads (27 is refused). */
export const NEWEST_OPSET = 26;

/** Newest IR version that onnxruntime 1.30 loads (14 is refused). */
export const NEWEST_IR = 13;

const RUNTIME_DOMAINS = [
  'ai.onnx.ml',
  'ai.onnx.training',
  'ai.onnx.preview.training',
  'com.microsoft',
  'com.microsoft.nchwc',
  'com.microsoft.experimental',
  'com.ms.internal.nhwc',
];

/** True for domains whose operators the runtime brings along. */
export function isRuntimeDomain(domain: string): boolean {
  return RUNTIME_DOMAINS.includes(domain);
}
