import {
  bodiesOf,
  bodyModel,
  constantsAround,
  makeValueInfo,
  outerReads,
  ScopedIndex,
  topologicalOrder,
  type Model,
} from '../../onnx';
import { inferGraphs, infoSeen } from '../../onnx/shapes';
import type { PassContext } from '../context';

type Pass = (model: Model, context: PassContext) => void | Promise<void>;

/**
 * Runs passes on the bodies of If, Loop and Scan, each as a model of its own, in place.
 * 1. A body sees the constants around it; what it captures besides is an input of the shape that is known.
 * 2. Constants that come from outside stay there: what a pass makes of one belongs to the body.
 * Does nothing where there are no bodies.
 */
export async function insideBodies(
  model: Model,
  context: PassContext,
  passes: readonly Pass[],
): Promise<void> {
  const bodies = bodiesOf(model.graph);
  if (bodies.length === 0) return;
  const shapes = inferGraphs(model);
  for (const body of bodies) {
    const index = new ScopedIndex(model.graph).of(body);
    const outer = constantsAround(body, index);
    const captured = [...outerReads(body.graph)].flatMap((name) => {
      const info = index.isConstant(name) ? undefined : infoSeen(model, body.parent, shapes, name);
      return info ? [makeValueInfo(name, info.type, info.shape)] : [];
    });
    const graph = {
      ...body.graph,
      input: [...body.graph.input, ...captured],
      initializer: [...body.graph.initializer, ...outer],
    };
    const view = bodyModel(model, { ...body, graph });
    for (const pass of passes) await pass(view, context);
    body.graph.node = topologicalOrder(view.graph);
    body.graph.initializer = view.graph.initializer.filter((t) => !outer.includes(t));
    body.graph.valueInfo = view.graph.valueInfo;
  }
}
