import { AttributeType, type AttributeProto, type NodeProto } from '../../onnx';

type Value = number | string;

const POOL = { ceil_mode: 0, count_include_pad: 0, storage_order: 0 };
const REDUCE = { keepdims: 1, noop_with_empty_axes: 0 };
const RECURRENT = { direction: 'forward', layout: 0, input_forget: 0, linear_before_reset: 0 };
const QUANTIZE = { axis: 1, block_size: 0, output_dtype: 0, saturate: 1, precision: 0 };

/** Attributes by operator and what they are unless said otherwise (https://onnx.ai/onnx/operators/). */
const DEFAULTS: Record<string, Record<string, Value>> = {
  ArgMax: { axis: 0, keepdims: 1, select_last_index: 0 },
  ArgMin: { axis: 0, keepdims: 1, select_last_index: 0 },
  AveragePool: POOL,
  BatchNormalization: { epsilon: 1e-5, momentum: 0.9, training_mode: 0 },
  Cast: { saturate: 1 },
  Celu: { alpha: 1 },
  Conv: { group: 1 },
  ConvInteger: { group: 1 },
  ConvTranspose: { group: 1 },
  CumSum: { exclusive: 0, reverse: 0 },
  DepthToSpace: { mode: 'DCR' },
  DequantizeLinear: QUANTIZE,
  Elu: { alpha: 1 },
  Flatten: { axis: 1 },
  Gather: { axis: 0 },
  GatherElements: { axis: 0 },
  GatherND: { batch_dims: 0 },
  Gelu: { approximate: 'none' },
  Gemm: { alpha: 1, beta: 1, transA: 0, transB: 0 },
  GridSample: { align_corners: 0, padding_mode: 'zeros' },
  GroupNormalization: { epsilon: 1e-5, stash_type: 1 },
  GRU: RECURRENT,
  HardSigmoid: { alpha: 0.2, beta: 0.5 },
  InstanceNormalization: { epsilon: 1e-5 },
  LayerNormalization: { axis: -1, epsilon: 1e-5, stash_type: 1 },
  LeakyRelu: { alpha: 0.01 },
  LpPool: { p: 2, ...POOL },
  LRN: { alpha: 1e-4, beta: 0.75, bias: 1 },
  LSTM: RECURRENT,
  MaxPool: POOL,
  Mod: { fmod: 0 },
  NonMaxSuppression: { center_point_box: 0 },
  OneHot: { axis: -1 },
  Pad: { mode: 'constant' },
  QLinearConv: { group: 1 },
  QuantizeLinear: QUANTIZE,
  ReduceL1: REDUCE,
  ReduceL2: REDUCE,
  ReduceLogSum: REDUCE,
  ReduceLogSumExp: REDUCE,
  ReduceMax: REDUCE,
  ReduceMean: REDUCE,
  ReduceMin: REDUCE,
  ReduceProd: REDUCE,
  ReduceSum: REDUCE,
  ReduceSumSquare: REDUCE,
  Reshape: { allowzero: 0 },
  Resize: {
    antialias: 0,
    coordinate_transformation_mode: 'half_pixel',
    cubic_coeff_a: -0.75,
    exclude_outside: 0,
    extrapolation_value: 0,
    keep_aspect_ratio_policy: 'stretch',
    mode: 'nearest',
    nearest_mode: 'round_prefer_floor',
  },
  RNN: RECURRENT,
  ScatterElements: { axis: 0, reduction: 'none' },
  ScatterND: { reduction: 'none' },
  Shape: { start: 0 },
  Split: { axis: 0 },
  ThresholdedRelu: { alpha: 1 },
  TopK: { axis: -1, largest: 1, sorted: 1 },
  Trilu: { upper: 1 },
  Upsample: { mode: 'nearest' },
};
/** The last axis since opset 13, the second one before. */
const BY_OPSET = new Set(['Softmax', 'LogSoftmax', 'Hardmax']);
/** Of windows: the same along every axis, whichever operator it is. */
const WINDOWS: Record<string, number> = { dilations: 1, strides: 1, pads: 0, output_padding: 0 };
const WINDOWED = /^(QLinear)?(Conv|AveragePool|MaxPool|LpPool|MaxUnpool)|^ConvInteger/;

/**
 * Whether an attribute says what its operator does without it. Operators of other domains are not known.
 * @param opset of the model, for operators whose default changed
 */
export function isDefault(node: NodeProto, attribute: AttributeProto, opset: number): boolean {
  if (node.domain !== '' && node.domain !== 'ai.onnx') return false;
  const { name } = attribute;
  if (WINDOWED.test(node.opType)) {
    if (name === 'auto_pad') return valueOf(attribute) === 'NOTSET';
    const every = WINDOWS[name];
    if (every !== undefined) return attribute.ints.every((value) => Number(value) === every);
  }
  const known =
    BY_OPSET.has(node.opType) && name === 'axis'
      ? opset >= 13
        ? -1
        : 1
      : DEFAULTS[node.opType]?.[name];
  if (known === undefined) return false;
  const value = valueOf(attribute);
  return typeof known === 'number' && attribute.type === AttributeType.FLOAT
    ? Math.fround(Number(value)) === Math.fround(known)
    : value === known;
}

function valueOf({ type, i, f, s }: AttributeProto): Value | null {
  if (type === AttributeType.INT) return Number(i);
  if (type === AttributeType.FLOAT) return f;
  return type === AttributeType.STRING ? new TextDecoder().decode(s) : null;
}
