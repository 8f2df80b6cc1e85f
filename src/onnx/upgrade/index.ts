/** Real upgrade of the default operator domain: every node keeps its meaning in the new opset's words. */
import { VernierError } from '../../errors';
import { makeTensorAttribute, subgraphs } from '../attributes';
import type { FunctionProto } from '../gen/onnx_pb';
import { isDefaultDomain, type Model } from '../model';
import { makeNode, type GraphProto, type NodeProto } from '../schema';
import { inferGraphs, type ScopedShapes } from '../shapes';
import { Names, namesOf } from '../names';
import { UpgradeContext, type Adapter, type UpgradeChange } from './context';
import { nextAdapter } from './table';

export type { UpgradeChange } from './context';

/** The newest opset that {@link upgradeOpset} writes. */
export const NEWEST_UPGRADE = 24;

/**
 * A copy of the model whose default domain is at least opset `to` (13 to {@link NEWEST_UPGRADE}); a newer model comes back as a plain copy.
 *
 * 1. Every node, in subgraphs and function bodies too, passes the adapters between its opset and `to`.
 * 2. The IR version rises to what `to` needs; below IR 4 initializers had to be inputs too, and leave them,
 *    for they would turn from constants into defaults that a caller may override.
 *
 * Tensor names stay; a node that several nodes replace leaves its name to the one that computes.
 * Throws `model.unsupported-op` where an adapter cannot keep a node's meaning.
 */
export function upgradeOpset(model: Model, to = 13): { model: Model; changed: UpgradeChange[] } {
  if (!Number.isInteger(to) || to < 13 || to > NEWEST_UPGRADE)
    throw new VernierError('model.unsupported-opset', `Opset ${to} is not one to upgrade to.`, {
      remedy: `Choose 13 to ${NEWEST_UPGRADE}.`,
    });
  const copy = model.copy();
  const changed: UpgradeChange[] = [];
  const from = copy.opset;
  const speaksOnnx = copy.domainVersion('') !== null || Number(copy.proto.irVersion) < 3;
  if (from >= to || !speaksOnnx) return { model: copy, changed };
  const walk: Walk = { dir: copy.dir, names: new Names(namesOf(copy)), to, changed };
  upgradeGraph(copy.graph, from, null, inferGraphs(copy), walk);
  for (const f of copy.proto.functions) carryFunction(f, walk);
  copy.setDomainVersion('', to);
  changed.push({ node: '', what: `opset ${from} → ${to}` });
  raiseIr(copy, to, changed);
  return { model: copy, changed };
}

/** What stays the same through all scopes of a model. */
interface Walk {
  dir: string | null;
  names: Names;
  to: number;
  changed: UpgradeChange[];
}

function upgradeGraph(
  graph: GraphProto,
  from: number,
  outer: UpgradeContext | null,
  shapes: ScopedShapes,
  walk: Walk,
): void {
  const context = new UpgradeContext(
    walk.names,
    walk.dir,
    (tensor) => shapes.get(graph)?.get(tensor) ?? outer?.info(tensor),
    outer,
    walk.changed,
    graph,
  );
  graph.node = upgradeNodes(graph.node, from, walk.to, context, (body) =>
    upgradeGraph(body, from, context, shapes, walk),
  );
  // a `Constant` that nothing but an absorbed input read stays: it is harmless and keeps its name
  graph.initializer.push(...context.initializers);
}

/** Opset of the default domain that a function's body is written in; null where it uses none. */
export function functionOpset(f: FunctionProto): number | null {
  const own = f.opsetImport.find((o) => isDefaultDomain(o.domain));
  return own ? Number(own.version) : null;
}

/** True where every operator of a function's body means the same in `opset` as in the function's own. */
export function speaksAlike(f: FunctionProto, opset: number): boolean {
  const own = functionOpset(f);
  if (own === null || own === opset) return true;
  const [low, high] = [Math.min(own, opset), Math.max(own, opset)];
  const same = (nodes: readonly NodeProto[]): boolean =>
    nodes.every(
      (node) =>
        !(isDefaultDomain(node.domain) && nextAdapter(node.opType, low, high)) &&
        subgraphs(node).every((body) => same(body.node)),
    );
  return low >= 6 && same(f.node);
}

/** Carries one function's body to the opset of its model, in place. @param names in use in the model */
export function upgradeFunction(f: FunctionProto, names: Names, model: Model): void {
  carryFunction(f, { dir: model.dir, names, to: model.opset, changed: [] });
}

/** Functions have no initializers: new constants are `Constant` nodes before the others. */
function carryFunction(f: FunctionProto, walk: Walk): void {
  const own = f.opsetImport.find((o) => isDefaultDomain(o.domain));
  if (!own || Number(own.version) >= walk.to) return;
  const from = Number(own.version);
  const scope = { initializer: [], node: f.node };
  const none: ScopedShapes = new Map();
  const context = new UpgradeContext(
    walk.names,
    walk.dir,
    () => undefined,
    null,
    walk.changed,
    scope,
  );
  const nodes = upgradeNodes(f.node, from, walk.to, context, (body) =>
    upgradeGraph(body, from, context, none, walk),
  );
  const constants = context.initializers.map((t) => {
    const name = t.name;
    t.name = '';
    return makeNode({
      opType: 'Constant',
      inputs: [],
      outputs: [name],
      attributes: [makeTensorAttribute('value', t)],
    });
  });
  f.node = [...constants, ...nodes];
  own.version = BigInt(walk.to);
}

function upgradeNodes(
  nodes: readonly NodeProto[],
  from: number,
  to: number,
  context: UpgradeContext,
  intoBody: (body: GraphProto) => void,
): NodeProto[] {
  const result: NodeProto[] = [];
  for (const node of nodes) {
    for (const body of subgraphs(node)) intoBody(body);
    carry(node, from, to, context, result);
  }
  return result;
}

/** Applies the adapters of a node one after the other, also to the nodes that replace it. */
function carry(
  node: NodeProto,
  from: number,
  to: number,
  context: UpgradeContext,
  result: NodeProto[],
): void {
  const next = isDefaultDomain(node.domain) ? nextAdapter(node.opType, from, to) : undefined;
  if (!next) {
    result.push(node);
    return;
  }
  const [since, adapter] = next;
  for (const part of adapted(node, adapter, context)) carry(part, since, to, context, result);
}

function adapted(node: NodeProto, adapter: Adapter, context: UpgradeContext): NodeProto[] {
  try {
    return adapter(node, context) ?? [node];
  } catch (error) {
    if (error instanceof VernierError) throw error;
    throw context.refuse(node, `it is malformed (${String(error)})`);
  }
}

/** IR version that came with an opset (https://onnx.ai/onnx/repo-docs/Versioning.html#released-versions). */
function irOf(opset: number): number {
  return IR_SINCE.find(([since]) => opset >= since)![1];
}

const IR_SINCE: readonly (readonly [opset: number, ir: number])[] = [
  [25, 13],
  [24, 12],
  [23, 11],
  [21, 10],
  [19, 9],
  [15, 8],
  [0, 7],
];

function raiseIr(model: Model, to: number, changed: UpgradeChange[]): void {
  const before = Number(model.proto.irVersion);
  const ir = irOf(to);
  if (before >= ir) return;
  model.proto.irVersion = BigInt(ir);
  changed.push({ node: '', what: `IR version ${before} → ${ir}` });
  if (before >= 4) return;
  const constants = new Set(model.graph.initializer.map((t) => t.name));
  const count = model.graph.input.length;
  model.graph.input = model.graph.input.filter((v) => !constants.has(v.name));
  const left = count - model.graph.input.length;
  if (left > 0) changed.push({ node: '', what: `${left} initializers are no inputs any more` });
}
