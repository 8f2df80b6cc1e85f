import { topologicalOrder, Model, type NodeProto } from '../onnx';
import { inferShapes, type TensorInfo } from '../onnx/shapes';
import { upgradeOpset } from '../onnx/upgrade';
import { PassContext } from '../quantize/context';
import { constantInputs } from '../quantize/passes/constant-inputs';
import { nameNodes } from '../quantize/passes/name-nodes';
import { prepare, PREPARATION, type Prepared } from '../quantize/prepare';
import { listUnits, type Unit } from '../quantize/units';

/** A model as analysis sees it: the file's own graph, the prepared one, and its layers. */
export interface Look extends Prepared {
  /** The file's own graph with the names that its nodes have everywhere else; weights are shared, not copied. */
  source: Model;
  units: Unit[];
  /** Types and shapes of the prepared model. */
  shapes: ReadonlyMap<string, TensorInfo>;
}

/** How far a look may go. */
export interface LookOptions {
  /** False: nothing is run, not even constants (untrusted workspaces). */
  runtime?: boolean;
}

/** Prepares a model and lists its layers. Throws the `model.*` errors of preparing. */
export async function lookAt(model: Model, options: LookOptions = {}): Promise<Look> {
  const prepared = options.runtime === false ? await prepareStill(model) : await prepare(model);
  return lookAtPrepared(model, prepared);
}

/** The same for a model that has been prepared already. */
export function lookAtPrepared(model: Model, prepared: Prepared): Look {
  const shapes = inferShapes(prepared.model);
  const units = listUnits(prepared.model, prepared.context, (tensor) => shapes.get(tensor)?.type);
  return { ...prepared, source: namedView(model), units, shapes };
}

/** The passes of {@link prepare} but for the one that computes constants with the runtime. */
async function prepareStill(source: Model): Promise<Prepared> {
  const context = new PassContext();
  let model = source.copy();
  nameNodes(model);
  model.graph.node = topologicalOrder(model.graph, source.file ?? undefined);
  constantInputs(model, context);
  if (model.opset < 13) {
    model = upgradeOpset(model, 13).model;
    nameNodes(model);
  }
  for (const [name, pass] of PREPARATION) if (name !== 'fold constants') await pass(model, context);
  model.graph.node = topologicalOrder(model.graph);
  return { model, context };
}

/** The model with named nodes; only the nodes themselves are copied, so that the given one stays as it is. */
function namedView(model: Model): Model {
  const shallow = <T extends object>(message: T): T =>
    Object.assign(Object.create(Object.getPrototypeOf(message) as object) as T, message);
  const graph = shallow(model.graph);
  graph.node = model.graph.node.map((node) => shallow<NodeProto>(node));
  const proto = shallow(model.proto);
  proto.graph = graph;
  const view = new Model(proto, model.file, model.dir);
  nameNodes(view);
  return view;
}
