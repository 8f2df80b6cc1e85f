import {
  bodiesOf,
  bodyModel,
  makeValueInfo,
  outerReads,
  ScopedIndex,
  topologicalOrder,
  type Body,
  type Model,
} from '../../onnx';
import { inferGraphs, type ScopedShapes } from '../../onnx/shapes';
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
    const reads = [...outerReads(body.graph)];
    const outer = reads.flatMap((name) => index.initializer(name) ?? []);
    const captured = reads.flatMap((name) => {
      const info = index.isConstant(name) ? undefined : infoOf(body, model, shapes, name);
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

/** Type and shape of a tensor of the graphs around a body. */
function infoOf(body: Body, model: Model, shapes: ScopedShapes, name: string) {
  for (let at = body.parent; at; at = at.parent) {
    const found = shapes.get(at.graph)?.get(name);
    if (found) return found;
  }
  return shapes.get(model.graph)?.get(name);
}
