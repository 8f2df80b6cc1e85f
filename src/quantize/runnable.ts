import { intAttribute, type Model } from '../onnx';
import { timeFirst } from './passes/time-first';
import { isRecurrent } from './recurrent';

/**
 * A form of a model that onnxruntime's CPU kernels load, which gives what the model says: itself, or where it has LSTM, GRU
 * or RNN with the batch first (`layout` = 1), which they refuse, a copy with time first ({@link timeFirst}).
 */
export function runnable(source: Model): Model {
  const refused = source.graph.node.some(
    (node) => isRecurrent(node) && intAttribute(node, 'layout', 0) === 1,
  );
  if (!refused) return source;
  const copy = source.copy();
  timeFirst(copy);
  return copy;
}
