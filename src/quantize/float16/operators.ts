import { isDefaultDomain, stringAttribute, type NodeProto } from '../../onnx';

/**
 * Which operators take float16, from the type constraints of ONNX's schemas (opset 13 to 26) and of onnxruntime's own
 * domain. Everything that is not named here takes float16 in every float slot;
 * `test/quantize/float16/operators.integration.test.ts` runs the backend's models through the runtime in float16.
 */

/** Operators of ONNX's domain that stay float32, and why, in the words that follow "because". */
const FLOAT32_ONLY: Readonly<Record<string, string>> = {
  ...say('ONNX defines it for float32 alone', 'Celu NonMaxSuppression Range TfIdfVectorizer'),
  ...say(
    'what it draws at random would be other numbers',
    'Bernoulli Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike',
  ),
  ...say(
    'it takes the type of its result from elsewhere',
    'BitCast BlackmanWindow CastLike EyeLike HammingWindow HannWindow MelWeightMatrix',
  ),
  ...say(
    'the elements of a sequence keep their type',
    'ConcatFromSequence Optional OptionalGetElement OptionalHasElement SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap SplitToSequence',
  ),
  ...say(
    'it belongs to a quantized model',
    'ConvInteger DequantizeLinear DynamicQuantizeLinear MatMulInteger QLinearConv QLinearMatMul QuantizeLinear',
  ),
};

/** Operators that took float16 only from a later opset on. */
const SINCE: Readonly<Record<string, number>> = { CumSum: 14, IsInf: 20 };

/** Operators that onnxruntime's CUDA provider has in float32 and not in float16 (docs/OperatorKernels.md). */
const NOT_ON_CUDA: readonly string[] = ['GridSample', 'RoiAlign'];

/** Operators of onnxruntime's own domain with a float32 kernel on CPU whose float slots all take float16. */
const CONTRIB = new Set(
  'Attention BiasGelu EmbedLayerNormalization ExpandDims FastGelu FusedConv FusedGemm FusedMatMul GatherND Gelu GroupQueryAttention Inverse MatMulNBits MultiHeadAttention Pad QuickGelu RotaryEmbedding SkipLayerNormalization SkipSimplifiedLayerNormalization'.split(
    ' ',
  ),
);

/** Slots that are float32 even where the operator takes float16: inputs, and outputs. */
const FIXED: Readonly<Record<string, { inputs?: readonly number[]; outputs?: readonly number[] }>> =
  {
    // Positions: roi takes any float, scales only float32.
    Resize: { inputs: [1, 2] },
    Upsample: { inputs: [1] },
    // Where to look in the picture: float16 has 11 bits, a picture may have more columns.
    GridSample: { inputs: [1] },
    Dropout: { inputs: [1] },
    LayerNormalization: { outputs: [1, 2] },
    'com.microsoft:GroupQueryAttention': { inputs: [12, 13] },
    'com.microsoft:SkipLayerNormalization': { outputs: [1, 2] },
    'com.microsoft:SkipSimplifiedLayerNormalization': { outputs: [1, 2] },
  };

/** Operators that move, view or choose values: they go with the type of what they read. */
const MOVERS = new Set(
  'Cast CenterCropPad Compress Concat DepthToSpace Dropout Expand Flatten Gather GatherElements GatherND Identity Pad Reshape ReverseSequence Slice SpaceToDepth Split Squeeze Tile Transpose Trilu Unsqueeze'.split(
    ' ',
  ),
);

/** Operators whose bodies are graphs. */
const CONTROL = new Set(['If', 'Loop', 'Scan', 'SequenceMap']);

function say(reason: string, operators: string): Record<string, string> {
  return Object.fromEntries(operators.split(' ').map((name) => [name, reason]));
}

/**
 * Why an operator stays float32 at an opset, in words that follow "because"; null where it takes float16.
 * @param cuda the file is meant for onnxruntime's CUDA provider
 */
export function whyFloat32Only(node: NodeProto, opset: number, cuda: boolean): string | null {
  const { opType, domain } = node;
  if (!isDefaultDomain(domain)) {
    if (domain === 'com.microsoft' && CONTRIB.has(opType)) return null;
    return `${domain}.${opType} is not known to take float16`;
  }
  const since = SINCE[opType];
  if (since !== undefined && opset < since)
    return `${opType} takes float16 only since opset ${since}, and the model has ${opset}`;
  if (cuda && NOT_ON_CUDA.includes(opType))
    return `onnxruntime's CUDA provider has no float16 kernel for ${opType}`;
  if (opType.startsWith('Scatter') && stringAttribute(node, 'reduction', 'none') !== 'none')
    return `onnxruntime's ${opType} adds up in float32 alone`;
  const why = FLOAT32_ONLY[opType];
  return why === undefined ? null : `${why} (${opType})`;
}

/** True where an input slot is float32 whatever the node computes in. */
export function isFixedInput(node: NodeProto, slot: number): boolean {
  return FIXED[key(node)]?.inputs?.includes(slot) ?? false;
}

/** The same for an output. */
export function isFixedOutput(node: NodeProto, slot: number): boolean {
  return FIXED[key(node)]?.outputs?.includes(slot) ?? false;
}

/** True for operators that move values and compute none. */
export function movesValues(node: NodeProto): boolean {
  return isDefaultDomain(node.domain) && MOVERS.has(node.opType);
}

/** True for operators with graphs inside. */
export function holdsGraphs(node: NodeProto): boolean {
  return isDefaultDomain(node.domain) && CONTROL.has(node.opType);
}

function key({ domain, opType }: NodeProto): string {
  return isDefaultDomain(domain) ? opType : `${domain}:${opType}`;
}
