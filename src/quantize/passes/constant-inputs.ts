import { type Model } from '../../onnx';
import type { PassContext } from '../context';

/**
 * An initializer that is also a graph input is a constant (IR 3 demanded the double entry; nobody feeds it):
 * it leaves the inputs, so that folding may use it. Does nothing where no name is both.
 */
export function constantInputs(model: Model, context: PassContext): void {
  const graph = model.graph;
  const constants = new Set(graph.initializer.map((t) => t.name));
  const moved = graph.input.filter((v) => constants.has(v.name));
  if (moved.length === 0) return;
  graph.input = graph.input.filter((v) => !constants.has(v.name));
  if (model.proto.irVersion < 4n) model.proto.irVersion = 4n;
  context.note({
    code: 'constant-inputs',
    severity: 'info',
    message: `${moved.length} initializers were listed as inputs too; they are treated as constants.`,
  });
}
