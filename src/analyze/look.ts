import { Model, type NodeProto } from '../onnx';
import { shallowCopy } from '../onnx/copy';
import { inferGraphs, type ScopedShapes, type TensorInfo } from '../onnx/shapes';
import { nameNodes } from '../quantize/passes/name-nodes';
import { prepare, type PrepareOptions, type Prepared } from '../quantize/prepare';
import { listBodyUnits, listUnits, type Unit } from '../quantize/units';

/** A model as analysis sees it: the file's own graph, the prepared one, and its layers. */
export interface Look extends Prepared {
  /** The file's own graph with the names that its nodes have everywhere else; weights are shared, not copied. */
  source: Model;
  units: Unit[];
  /** Types and shapes of the prepared model's main graph, */
  shapes: ReadonlyMap<string, TensorInfo>;
  /** and of every graph in it. */
  bodyShapes: ScopedShapes;
}

/** How far a look may go. */
export type LookOptions = PrepareOptions;

/** Prepares a model and lists its layers. Throws the `model.*` errors of preparing. */
export async function lookAt(model: Model, options: LookOptions = {}): Promise<Look> {
  return lookAtPrepared(model, await prepare(model, options));
}

/** The same for a model that has been prepared already. */
export function lookAtPrepared(model: Model, prepared: Prepared): Look {
  const all = inferGraphs(prepared.model);
  const shapes = all.get(prepared.model.graph) ?? new Map<string, TensorInfo>();
  const units = [
    ...listUnits(prepared.model, prepared.context, (tensor) => shapes.get(tensor)?.type),
    ...listBodyUnits(prepared.model, prepared.context, all),
  ];
  return { ...prepared, source: namedView(model), units, shapes, bodyShapes: all };
}

/** The model with named nodes; only the nodes themselves are copied, so that the given one stays as it is. */
function namedView(model: Model): Model {
  const graph = shallowCopy(model.graph);
  graph.node = model.graph.node.map((node) => shallowCopy<NodeProto>(node));
  const proto = shallowCopy(model.proto);
  proto.graph = graph;
  const view = new Model(proto, model.file, model.dir);
  nameNodes(view);
  return view;
}
