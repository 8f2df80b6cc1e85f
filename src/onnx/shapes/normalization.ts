/** Normalizations with more than one output. */
import { axisOf, value, type Dim, type Rule } from './types';

/** https://onnx.ai/onnx/operators/onnx__BatchNormalization.html */
const batchNormalization: Rule = (n) => {
  const { type, shape } = n.input(0);
  const statistics = value(
    n.input(3).type,
    n.input(3).shape ?? (shape ? [shape[1] ?? null] : null),
  );
  return [value(type, shape), statistics, statistics, statistics, statistics];
};

/** https://onnx.ai/onnx/operators/onnx__LayerNormalization.html: mean and 1/deviation keep axes of size 1 */
const layerNormalization: Rule = (n) => {
  const { type, shape } = n.input(0);
  const axis = shape ? axisOf(n.int('axis', -1), shape.length) : NaN;
  const statistics = value('float32', shape?.map((d, i): Dim => (i >= axis ? 1 : d)) ?? null);
  // onnxruntime's, before 17, has the type of the scale
  return [value(n.opset < 17 ? n.input(1).type : type, shape), statistics, statistics];
};

/** com.microsoft: output, mean, deviation, and the sum of input and skip */
const skipLayerNormalization: Rule = (n) => {
  const { type, shape } = n.input(0);
  const statistics = value(
    'float32',
    shape?.map((d, i): Dim => (i === shape.length - 1 ? 1 : d)) ?? null,
  );
  return [value(type, shape), statistics, statistics, value(type, shape)];
};

/** com.microsoft: [batch, sequence, hidden], and the mask's sums per row */
const embedLayerNormalization: Rule = (n) => {
  const ids = n.input(0).shape;
  const table = n.input(2);
  if (ids?.length !== 2) return [value(table.type, null)];
  return [
    value(table.type, [ids[0]!, ids[1]!, table.shape?.[1] ?? null]),
    value('int32', [ids[0]!]),
  ];
};

export const normalizationRules: Record<string, Rule> = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  'com.microsoft:SkipLayerNormalization': skipLayerNormalization,
  'com.microsoft:EmbedLayerNormalization': embedLayerNormalization,
};
