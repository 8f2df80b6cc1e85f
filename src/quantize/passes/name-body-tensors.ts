import { bodiesOf, isControlFlow, type GraphProto, type Model } from '../../onnx';
import { Names, namesOf } from '../../onnx/names';
import { renameTensors } from '../../onnx/rename';

/**
 * Gives every tensor that is defined inside If, Loop and Scan a name that no other graph of the model defines, so that
 * statistics and ranges can be kept by name.
 * 1. The main graph's names stay; so does the first of several in bodies.
 * 2. Another of the same name (both branches of an If may write `t`) takes the way to its body before it.
 * 3. Bodies of other operators keep their names, which may mean something to the operator (onnxruntime's BeamSearch finds
 *    its decoder's inputs by name).
 * Does nothing where all names differ.
 */
export function nameBodyTensors(model: Model): void {
  const bodies = bodiesOf(model.graph);
  if (bodies.length === 0) return;
  const taken = new Set(definedIn(model.graph));
  const names = new Names(namesOf(model));
  for (const { graph, path, owner } of bodies) {
    const renames = new Map<string, string>();
    for (const name of definedIn(graph)) {
      if (taken.has(name) && isControlFlow(owner))
        renames.set(name, names.fresh(`${path}/${name}`));
      taken.add(renames.get(name) ?? name);
    }
    if (renames.size > 0) renameTensors(graph, renames);
  }
}

/** Tensors that a graph defines itself. */
export function definedIn(graph: GraphProto): string[] {
  return [
    ...graph.input.map((v) => v.name),
    ...graph.initializer.map((t) => t.name),
    ...graph.node.flatMap((n) => n.output.filter((name) => name !== '')),
  ];
}
