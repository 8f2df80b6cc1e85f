import {
  ScopedIndex,
  nodeReads,
  subgraphs,
  tensorDims,
  tensorType,
  type GraphIndex,
  type GraphProto,
  type Model,
  type NodeProto,
} from '../onnx';
import type { ScopedShapes } from '../onnx/shapes';
import type { PassContext } from '../quantize/context';
import type { Unit } from '../quantize/units';
import type { LayerSummary } from '../results';
import { layerKind } from './kind';
import { layerMacs } from './layer-macs';
import { sourcePlace } from './source-place';
import { weightReader } from './weights';

/** What {@link summarizeLayers} reads. */
export interface LayerParts {
  /** The file's own graph, every node named as in the prepared one. */
  source: Model;
  /** The prepared model: folded, at opset ≥ 13. */
  prepared: Model;
  context: PassContext;
  units: readonly Unit[];
  /** Shapes of every graph of the prepared model. */
  bodyShapes: ScopedShapes;
}

/** One summary per layer, in graph order. */
export function summarizeLayers(parts: LayerParts): LayerSummary[] {
  const { source, prepared, context, units, bodyShapes } = parts;
  const indexes = new ScopedIndex(prepared.graph);
  const original = new Map(source.graph.node.map((node) => [node.name, node]));
  const absorbed = absorbedNames(source, context);
  const feeders = findPredecessors(prepared, units);
  const summaryOf = weightReader(prepared, (unit) => indexes.of(unit.body), units);
  return units.map((unit, i): LayerSummary => {
    const index = indexes.of(unit.body);
    const shapes = bodyShapes.get(index.graph);
    return {
      name: unit.name,
      op: unit.sourceOp,
      kind: layerKind(index, unit),
      inputs: unit.inputs,
      output: unit.output,
      outputShape: shapes?.get(unit.output)?.shape ?? null,
      macs: layerMacs(unit, prepared, bodyShapes),
      parameters: parametersOf(index, unit),
      weight: summaryOf(unit),
      absorbed: absorbed.get(unit.name) ?? [],
      predecessors: feeders[i]!,
      source: sourcePlace(original.get(unit.name) ?? unit.node),
    };
  });
}

/** Names of the file's nodes that lead to each host, in graph order. */
function absorbedNames(source: Model, context: PassContext): Map<string, string[]> {
  const byHost = new Map<string, string[]>();
  for (const { name } of source.graph.node) {
    const host = context.hostOf(name);
    if (host === name) continue;
    const list = byHost.get(host);
    if (list) list.push(name);
    else byHost.set(host, [name]);
  }
  return byHost;
}

/** Float constants that belong to a unit: weights and bias, not the bounds of its Clip. */
function parametersOf(index: GraphIndex, unit: Unit): number {
  const names = new Set([...unit.node.input, ...(unit.biasNode?.input ?? [])]);
  let count = 0;
  for (const name of names) {
    const tensor = index.initializer(name);
    if (!tensor || !/^b?float/.test(tensorType(tensor))) continue;
    count += tensorDims(tensor).reduce((a, b) => a * b, 1);
  }
  return count;
}

/** Reads of these carry no values: a shape is no input of a layer. */
const SHAPE_ONLY = new Set(['Shape', 'Size', 'ConstantOfShape', 'Range']);

/** For each unit the indices of the units that feed it, directly or through nodes that only move values. */
function findPredecessors(model: Model, units: readonly Unit[]): number[][] {
  const owner = new Map<NodeProto, number>();
  units.forEach((unit, i) => {
    for (const node of [unit.node, unit.biasNode, unit.activation]) if (node) owner.set(node, i);
  });
  const found = units.map(() => new Set<number>());
  const walk = (graph: GraphProto, reach: Map<string, readonly number[]>): void => {
    for (const node of graph.node) {
      const at = owner.get(node);
      let feeders: readonly number[] = [];
      if (at !== undefined || !SHAPE_ONLY.has(node.opType))
        for (const input of nodeReads(node)) feeders = union(feeders, reach.get(input) ?? []);
      if (at !== undefined) for (const i of feeders) if (i !== at) found[at]!.add(i);
      for (const body of subgraphs(node)) {
        // what enters a body feeds all of it, and what it gives comes from the layers in it
        const inner = new Map([...reach, ...body.input.map((v) => [v.name, feeders] as const)]);
        walk(body, inner);
        for (const v of body.output) feeders = union(feeders, inner.get(v.name) ?? []);
      }
      for (const output of node.output) reach.set(output, at === undefined ? feeders : [at]);
    }
  };
  walk(model.graph, new Map());
  return found.map((set) => [...set].sort((a, b) => a - b));
}

function union(a: readonly number[], b: readonly number[]): readonly number[] {
  if (a.length === 0) return b;
  if (b.length === 0 || b.every((i) => a.includes(i))) return a;
  return [...new Set([...a, ...b])];
}
