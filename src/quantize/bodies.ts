import { createHash } from 'node:crypto';
import { clone } from '@bufbuild/protobuf';
import {
  bodiesOf,
  bodyModel,
  GraphIndex,
  nodeReads,
  outerReads,
  ScopedIndex,
  type Body,
  type GraphProto,
  type Model,
  type TensorProto,
} from '../onnx';
import { GraphProtoSchema, TensorProtoSchema } from '../onnx/gen/onnx_pb';
import { Names, namesOf } from '../onnx/names';
import { renameTensors } from '../onnx/rename';
import type { UnitPlacement } from './placement';
import type { Unit } from './units';

/** What a mode made of one graph. */
export interface WrittenGraph {
  model: Model;
  units: UnitPlacement[];
  weightScales: Map<string, Float32Array>;
}

/** Constants from here on are worth looking for their like. */
const SHARED_BYTES = 64;

/** What quantizes one graph: the main one, or a body as a model of its own. */
export type QuantizeGraph = (
  model: Model,
  units: readonly Unit[],
) => WrittenGraph | Promise<WrittenGraph>;

/**
 * Quantizes a prepared model with everything inside it: the main graph, then the bodies of If, Loop and Scan
 * ({@link quantizeBodies}). Units are in the order of `units`.
 * @param quantize makes a copy and leaves its argument as it is
 */
export async function quantizeGraphs(
  prepared: Model,
  units: readonly Unit[],
  quantize: QuantizeGraph,
): Promise<WrittenGraph> {
  const main = await quantize(
    prepared,
    units.filter((u) => !u.body),
  );
  const inner = await quantizeBodies(main.model, units, quantize);
  return {
    model: main.model,
    units: [...main.units, ...inner.units],
    weightScales: new Map([...main.weightScales, ...inner.weightScales]),
  };
}

/**
 * Quantizes the bodies of If, Loop and Scan of a model that is being written, in place, each as a model of its own.
 *
 * 1. Inner bodies come before those around them. A body sees copies of the outer constants that its layers read.
 * 2. What is new in a body gets names that nothing else in the model has.
 * 3. Constants that come from outside stay outside: a weight that two branches and the main graph read is written once.
 * 4. Domains that the bodies need are imported by the model, and outer constants that nothing reads any more go.
 *
 * Does nothing where no unit stands in a body.
 * @param units all units of the prepared model; those of the main graph are left alone
 * @param outer tensors of the main graph that bodies read under another name than in the prepared model: that name by the
 * written one. `quantize` sees the prepared names
 */
export async function quantizeBodies(
  written: Model,
  units: readonly Unit[],
  quantize: QuantizeGraph,
  outer: ReadonlyMap<string, string> = new Map(),
): Promise<Omit<WrittenGraph, 'model'>> {
  const placed: UnitPlacement[] = [];
  const weightScales = new Map<string, Float32Array>();
  const byPath = new Map<string, Unit[]>();
  for (const unit of units)
    if (unit.body) byPath.set(unit.body.path, [...(byPath.get(unit.body.path) ?? []), unit]);
  if (byPath.size === 0) return { units: placed, weightScales };
  const names = new Names(namesOf(written));
  const constants = new SharedConstants(written.graph, names);
  for (const body of bodiesOf(written.graph).reverse()) {
    const own = byPath.get(body.path);
    if (!own) continue;
    const { view, pulled } = bodyView(written, body, own);
    const reads = outer.size > 0 ? outerReads(view.graph) : new Set();
    const renamed = new Map([...outer].filter(([name]) => reads.has(name)));
    renameTensors(view.graph, renamed);
    const before = tensorNames(view.graph);
    const result = await quantize(view, own);
    placed.push(...result.units);
    result.weightScales.forEach((scales, name) => weightScales.set(name, scales));
    for (const { domain, version } of result.model.proto.opsetImport)
      written.importDomain(domain, Number(version));
    putBack(body, result.model.graph, before, pulled, names, constants);
    renameTensors(body.graph, new Map([...renamed].map(([now, then]) => [then, now])));
  }
  new GraphIndex(written.graph).dropUnusedInitializers();
  const order = new Map(units.map((unit, i) => [unit, i]));
  placed.sort((a, b) => order.get(a.unit)! - order.get(b.unit)!);
  return { units: placed, weightScales };
}

/** A body as a model, with copies of the outer constants that its own units read. */
function bodyView(
  written: Model,
  body: Body,
  units: readonly Unit[],
): { view: Model; pulled: Set<string> } {
  const index = new ScopedIndex(written.graph).of(body);
  const view = bodyModel(written, { ...body, graph: clone(GraphProtoSchema, body.graph) });
  const local = new Set(view.graph.initializer.map((t) => t.name));
  const pulled = new Set<string>();
  const nodes = units.flatMap((u) => [u.node.name, u.biasNode?.name, u.activation?.name]);
  for (const node of view.graph.node) {
    if (!nodes.includes(node.name)) continue;
    for (const name of node.input) {
      const outer = local.has(name) || pulled.has(name) ? undefined : index.initializer(name);
      if (!outer) continue;
      view.graph.initializer.push(clone(TensorProtoSchema, outer));
      pulled.add(name);
    }
  }
  return { view, pulled };
}

/** Every tensor that a graph, or one inside it, defines or reads. */
function tensorNames(graph: GraphProto): Set<string> {
  const names = new Set(graph.node.flatMap((n) => [...n.output, ...nodeReads(n)]));
  for (const v of [...graph.input, ...graph.output, ...graph.initializer]) names.add(v.name);
  return names;
}

function putBack(
  body: Body,
  result: GraphProto,
  before: ReadonlySet<string>,
  pulled: ReadonlySet<string>,
  names: Names,
  constants: SharedConstants,
): void {
  const kept: TensorProto[] = [];
  const renames = new Map<string, string>();
  for (const tensor of result.initializer) {
    if (pulled.has(tensor.name)) continue;
    const isNew = !before.has(tensor.name);
    const outside = isNew && pulled.size > 0 ? constants.place(tensor) : null;
    if (outside !== null) renames.set(tensor.name, outside);
    else {
      if (isNew) renames.set(tensor.name, names.fresh(tensor.name));
      kept.push(tensor);
    }
  }
  result.initializer = kept;
  for (const node of result.node)
    for (const output of node.output)
      if (output !== '' && !before.has(output)) renames.set(output, names.fresh(output));
  renameTensors(result, renames);
  body.graph.node = result.node;
  body.graph.initializer = result.initializer;
  body.graph.valueInfo = result.valueInfo;
}

/** Constants of the main graph by what they hold; looked at when the first is wanted. */
class SharedConstants {
  private known: Map<string, string> | null = null;

  constructor(
    private readonly graph: GraphProto,
    private readonly names: Names,
  ) {}

  /** The name of a constant in the main graph that holds the same, or of this one put there; null for small ones. */
  place(tensor: TensorProto): string | null {
    if (tensor.rawData.length < SHARED_BYTES) return null;
    this.known ??= new Map(
      this.graph.initializer
        .filter((t) => t.rawData.length >= SHARED_BYTES)
        .map((t) => [keyOf(t), t.name]),
    );
    const key = keyOf(tensor);
    let name = this.known.get(key);
    if (name === undefined) {
      name = this.names.fresh(tensor.name);
      this.graph.initializer.push({ ...tensor, name });
      this.known.set(key, name);
    }
    return name;
  }
}

function keyOf({ dataType, dims, rawData }: TensorProto): string {
  return `${dataType} ${dims.join()} ${createHash('sha1').update(rawData).digest('hex')}`;
}
