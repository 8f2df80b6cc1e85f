import { label, type Model, type NodeProto } from '../../onnx';
import { PassContext } from '../../quantize/context';
import { inlineConstants } from '../../quantize/passes/inline-constants';
import { nameNodes } from '../../quantize/passes/name-nodes';
import { SOURCE_NODES } from '../../quantize/provenance';
import type { MatchedBy } from '../../results';
import { Wires } from './wires';

/** A pair of nodes, one of each model. */
export interface Pair {
  a: NodeProto;
  b: NodeProto;
  by: MatchedBy;
}

/** What belongs together in two graphs. */
export interface Matches {
  pairs: Pair[];
  /** Nodes of the first model that went into a node of the second, by what the second recorded. */
  folded: Map<NodeProto, NodeProto>;
}

/**
 * Finds the nodes of one model in another, surest first:
 * 1. by the names that Vernier recorded in what it wrote, in either direction;
 * 2. by their own name; 3. by the name of their first result;
 * 4. by structure, in graph order: the same operator on the same inputs, where graph inputs are the same by their place,
 *    results where their nodes are matched, and constants where their shapes are the same.
 * Nodes that only quantize or dequantize are seen through, and never matched.
 */
export function matchNodes(first: Model, second: Model): Matches {
  const [a, b] = [new Wires(first), new Wires(second)];
  const pairs = new Map<NodeProto, Pair>();
  const taken = new Set<NodeProto>();
  const folded = new Map<NodeProto, NodeProto>();
  const join = (x: NodeProto | undefined, y: NodeProto | undefined, by: MatchedBy): boolean => {
    if (!x || !y || pairs.has(x) || taken.has(y) || folded.has(x)) return false;
    pairs.set(x, { a: x, b: y, by });
    taken.add(y);
    return true;
  };

  const [namesA, namesB] = [byName(a.nodes), byName(b.nodes)];
  for (const node of b.nodes) {
    const [own, ...others] = recorded(node);
    if (own === undefined) continue;
    join(namesA.get(own), node, 'recorded');
    for (const name of others) {
      const gone = namesA.get(name);
      if (gone && !pairs.has(gone) && !namesB.has(name)) folded.set(gone, node);
    }
  }
  for (const node of a.nodes) join(node, namesB.get(recorded(node)[0] ?? ''), 'recorded');
  for (const node of a.nodes) join(node, namesB.get(node.name), 'name');
  const results = new Map(b.nodes.map((node) => [node.output[0], node]));
  for (const node of a.nodes) join(node, results.get(node.output[0]), 'result');
  structural(a, b, { pairs, taken, folded }, join);
  const order = new Map(a.nodes.map((node, i) => [node, i]));
  return { pairs: [...pairs.values()].sort((x, y) => order.get(x.a)! - order.get(y.a)!), folded };
}

/** Rule 4: both graphs are walked in order, and what reads the same as something unmatched is the same. */
function structural(
  a: Wires,
  b: Wires,
  found: { pairs: Map<NodeProto, Pair>; taken: Set<NodeProto>; folded: Map<NodeProto, NodeProto> },
  join: (x: NodeProto, y: NodeProto, by: MatchedBy) => boolean,
): void {
  const ids = new Map<NodeProto, string>();
  let next = 0;
  const give = (x: NodeProto, y: NodeProto) => {
    const id = `m${next++}`;
    ids.set(x, id);
    ids.set(y, id);
  };
  for (const { a: x, b: y } of found.pairs.values()) give(x, y);
  for (let grew = true; grew;) {
    grew = false;
    const open = new Map<string, NodeProto[]>();
    for (const node of b.nodes) {
      if (found.taken.has(node)) continue;
      const key = b.keyOf(node, ids);
      if (key !== null) open.set(key, [...(open.get(key) ?? []), node]);
    }
    for (const node of a.nodes) {
      if (found.pairs.has(node) || found.folded.has(node)) continue;
      const key = a.keyOf(node, ids);
      const other = key === null ? undefined : open.get(key)?.shift();
      if (!other || !join(node, other, 'structure')) continue;
      give(node, other);
      grew = true;
    }
  }
}

/** Names that a written node answers for in its source, its own first. */
function recorded(node: NodeProto): string[] {
  const text = node.metadataProps.find(({ key }) => key === SOURCE_NODES)?.value;
  if (text === undefined) return [];
  try {
    const names: unknown = JSON.parse(text);
    return Array.isArray(names) ? names.filter((n) => typeof n === 'string') : [];
  } catch {
    return []; // somebody else's
  }
}

function byName(nodes: readonly NodeProto[]): Map<string, NodeProto> {
  return new Map(nodes.map((node) => [label(node), node]));
}

/**
 * A copy in which every node has a name, as reports and recipes call it, and the values of `Constant` nodes are initializers,
 * as those of other writers are.
 */
export function named(model: Model): Model {
  const copy = model.copy();
  nameNodes(copy);
  inlineConstants(copy, new PassContext());
  return copy;
}
