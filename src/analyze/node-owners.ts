import { allNodes, GraphIndex, type Model, type NodeProto } from '../onnx';
import type { PassContext } from '../quantize/context';
import { apartName, isRecurrent } from '../quantize/recurrent';
import type { Unit } from '../quantize/units';
import { executingNodes, originalName } from './executed';

/** Whose work a node of the runtime's graph does. */
export interface NodeOwner {
  node: NodeProto;
  /**
   * `layer`: it computes a layer, or is a part of one. `conversion`: it changes type or layout for a layer.
   * `other`: it moves or views values, or works on shapes.
   */
  role: 'layer' | 'conversion' | 'other';
  /** The layer; where it runs several, the first with a weight, else the first. Null where it is none's. */
  layer: string | null;
  /** All layers that it runs. */
  layers: string[];
}

/** What ownership is read from. */
export interface OwnerParts {
  units: readonly Unit[];
  prepared: Model;
  context: PassContext;
}

/** Operators that change type or layout, and compute nothing. */
const CONVERSIONS = new Set([
  ...['QuantizeLinear', 'DequantizeLinear', 'DynamicQuantizeLinear', 'Cast'],
  ...['ReorderInput', 'ReorderOutput', 'Transpose'],
]);

/** How far the layer that a conversion serves is looked for. */
const MOST_TENSORS = 200;

/**
 * Maps every node of the runtime's graph back to the layers of the file:
 * 1. what {@link executingNodes} found, and all parts of a recurrent layer that was taken apart;
 * 2. nodes under the name of a part of a layer: its bias, its activation, what was folded into it elsewhere;
 * 3. conversions that the file does not have as nodes go to the layer that reads their result, else to the one before them;
 * 4. everything else is nobody's.
 */
export function nodeOwners(optimized: Model, parts: OwnerParts): NodeOwner[] {
  const { units, prepared, context } = parts;
  const order = new Map(units.map((u, i) => [u.name, i]));
  const weighted = new Set(units.flatMap((u) => (u.weight ? [u.name] : [])));
  const running = new Map<NodeProto, string[]>();
  for (const [name, node] of executingNodes(optimized, units, prepared)) {
    const list = running.get(node);
    if (list) list.push(name);
    else running.set(node, [name]);
  }
  const partOf = layerParts(units, context);
  const own = new Set([...allNodes(prepared.graph)].map((n) => `${n.opType} ${n.name}`));
  const apart = units.filter((u) => isRecurrent(u.node)).map((u) => u.name);

  const owners = [...allNodes(optimized.graph)].map((node): NodeOwner => {
    const layers = (running.get(node) ?? []).sort((a, b) => order.get(a)! - order.get(b)!);
    if (layers.length > 0)
      return {
        node,
        role: 'layer',
        layer: layers.find((l) => weighted.has(l)) ?? layers[0]!,
        layers,
      };
    const cell = apart.find((name) => isUnder(node, apartName(name)));
    if (cell !== undefined) return { node, role: 'layer', layer: cell, layers: [cell] };
    const inFile = own.has(`${node.opType} ${originalName(node.name)}`);
    if (CONVERSIONS.has(node.opType) && !inFile)
      return { node, role: 'conversion', layer: null, layers: [] };
    const layer = [node.name, ...node.output]
      .flatMap((name) => partOf.get(originalName(name)) ?? [])
      .at(0);
    return {
      node,
      role: layer === undefined ? 'other' : 'layer',
      layer: layer ?? null,
      layers: [],
    };
  });
  return servedLayers(optimized, owners);
}

/** Names of nodes and results that lead to a layer besides the node that computes it. */
function layerParts(units: readonly Unit[], context: PassContext): Map<string, string> {
  const parts = new Map<string, string>();
  for (const unit of units)
    for (const part of [unit.node, unit.biasNode, unit.activation])
      if (part) {
        // branches may give their tensors the same names, never their nodes
        const names = unit.body ? [part.name] : [part.name, ...part.output];
        for (const name of names) parts.set(name, unit.name);
      }
  const known = new Set(units.map((u) => u.name));
  for (const [host, names] of context.absorbedByHost())
    if (known.has(host)) for (const name of names) if (!parts.has(name)) parts.set(name, host);
  return parts;
}

function isUnder(node: NodeProto, scope: string): boolean {
  return [node.name, ...node.output].some((name) => name.startsWith(`${scope}/`));
}

/** Finds the layer of every conversion. */
function servedLayers(optimized: Model, owners: NodeOwner[]): NodeOwner[] {
  const index = new GraphIndex(optimized.graph);
  const layerOf = new Map(owners.map(({ node, layer }) => [node, layer]));
  const nearest = (
    from: readonly string[],
    next: (tensor: string) => NodeProto[],
    on: (n: NodeProto) => string[],
  ) => {
    const seen = new Set(from);
    for (const tensor of seen) {
      for (const node of next(tensor)) {
        const layer = layerOf.get(node);
        if (layer) return layer;
        on(node).forEach((name) => seen.add(name));
      }
      if (seen.size > MOST_TENSORS) break;
    }
    return null;
  };
  return owners.map((owner) => {
    if (owner.role !== 'conversion') return owner;
    const { node } = owner;
    const after = nearest(
      node.output,
      (t) => index.consumers(t),
      (n) => n.output,
    );
    const before = () =>
      nearest(
        node.input.slice(0, 1),
        (t) => [index.producer(t)].flatMap((p) => p ?? []),
        (n) => n.input.slice(0, 1),
      );
    return { ...owner, layer: after ?? before() };
  });
}
