import {
  allNodes,
  allTensors,
  elementTypeNumber,
  intAttribute,
  tensorType,
  type Model,
  type NodeProto,
} from '../onnx';
import { inferGraphs } from '../onnx/shapes';
import { PassContext } from './context';
import { attentionBias, lacksAttentionBias } from './passes/attention-bias';
import { float16ToFloat32 } from './passes/float16-to-float32';
import { timeFirst } from './passes/time-first';
import { isRecurrent } from './recurrent';

/**
 * A form of a model that onnxruntime's CPU kernels load, which computes what the model says: itself, or
 * 1. where LSTM, GRU or RNN have the batch first (`layout` = 1), a copy with time first ({@link timeFirst});
 * 2. where nodes compute with bfloat16, a copy in float32 ({@link float16ToFloat32}), which is more exact;
 * 3. where com.microsoft.Attention has no bias, a copy with zeros for one ({@link attentionBias}).
 */
export function runnable(source: Model): Model {
  const batchFirst = source.graph.node.some(
    (node) => isRecurrent(node) && intAttribute(node, 'layout', 0) === 1,
  );
  const narrow = computesInBfloat16(source);
  const biasless = lacksAttentionBias(source);
  if (!batchFirst && !narrow && !biasless) return source;
  const copy = source.copy();
  if (biasless) attentionBias(copy);
  if (batchFirst) timeFirst(copy);
  if (narrow) float16ToFloat32(copy, new PassContext());
  return copy;
}

const BFLOAT16 = elementTypeNumber('bfloat16');
/** Operators that onnxruntime runs on bfloat16: they convert, move or hold values. */
const MOVES = new Set(
  'Cast Identity Gather Reshape Flatten Squeeze Unsqueeze Shape Size Constant If Loop Scan'.split(
    ' ',
  ),
);

function computesInBfloat16(model: Model): boolean {
  const nodes = [...allNodes(model.graph)];
  const casts = (node: NodeProto) => intAttribute(node, 'to', 0) === BFLOAT16;
  const tensors = [...allTensors(model.graph)];
  if (!tensors.some(({ tensor }) => tensorType(tensor) === 'bfloat16') && !nodes.some(casts))
    return false;
  const narrow = new Set<string>(
    tensors.flatMap(({ tensor }) => (tensorType(tensor) === 'bfloat16' ? [tensor.name] : [])),
  );
  for (const types of inferGraphs(model).values())
    for (const [name, { type }] of types) if (type === 'bfloat16') narrow.add(name);
  return nodes.some(
    (node) => !MOVES.has(node.opType) && node.input.some((name) => narrow.has(name)),
  );
}
