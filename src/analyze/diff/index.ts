/** Two models side by side, from their files alone. */
import {
  elementCount,
  label,
  tensorDims,
  tensorType,
  type Model,
  type NodeProto,
} from '../../onnx';
import { isQuantizing } from '../../quantize/quantized-operators';
import type { DiffNode, DiffRange, DiffResult, DiffSide, ExistingRange } from '../../results';
import { existingQuantization } from '../existing';
import { changesOf } from './changes';
import { matchNodes, named } from './match';
import { Wires } from './wires';

/** Nodes and ranges of two models that differ. @param first and @param second as loaded; they stay as they are */
export function diffModels(
  first: Model,
  second: Model,
): Pick<DiffResult, 'nodes' | 'ranges' | 'matched'> {
  const [a, b] = [new Wires(named(first)), new Wires(named(second))];
  const { pairs, folded } = matchNodes(a.model, b.model);
  const partner = new Map(pairs.map((pair) => [pair.a, pair.b]));
  const reads = new Map([...folded, ...partner]);
  const by = new Map(pairs.map((pair) => [pair.a, pair.by]));
  const found = new Set(pairs.map((pair) => pair.b));
  const before = a.nodes.map((node): DiffNode => {
    const other = partner.get(node);
    if (other) {
      const changes = changesOf(node, other, a, b, reads);
      const status = changes.length > 0 ? 'changed' : 'same';
      return { status, a: brief(node), b: brief(other), matchedBy: by.get(node)!, changes };
    }
    const host = folded.get(node);
    return host
      ? { status: 'folded', a: brief(node), b: brief(host), matchedBy: 'recorded', changes: [] }
      : { status: 'removed', a: brief(node), b: null, matchedBy: null, changes: [] };
  });
  const added = b.nodes
    .filter((node) => !found.has(node))
    .map((node): DiffNode => ({
      status: 'added',
      a: null,
      b: brief(node),
      matchedBy: null,
      changes: [],
    }));
  const smaller = Math.min(a.nodes.length - folded.size, b.nodes.length);
  return {
    nodes: [...before, ...added],
    ranges: rangeChanges(first, second),
    matched: smaller > 0 ? pairs.length / smaller : 1,
  };
}

/** What a file says in numbers. */
export function diffSide(model: Model, file: string, bytes: number): DiffSide {
  const { graph } = model;
  return {
    file,
    bytes,
    opset: model.opset,
    nodes: graph.node.length,
    quantizing: graph.node.filter((node) => isQuantizing(node)).length,
    parameters: graph.initializer
      .filter((t) => tensorType(t) !== 'int64')
      .reduce((sum, t) => sum + elementCount(tensorDims(t)), 0),
  };
}

/** Tensors that either model quantizes, where the two say different things of them. */
function rangeChanges(first: Model, second: Model): DiffRange[] {
  const [a, b] = [first, second].map(
    (model) => new Map(existingQuantization(model)?.tensors.map((t) => [t.tensor, t]) ?? []),
  );
  return [...new Set([...a!.keys(), ...b!.keys()])]
    .map((tensor) => ({ tensor, a: a!.get(tensor) ?? null, b: b!.get(tensor) ?? null }))
    .filter(({ a: x, b: y }) => !x || !y || scaleKey(x) !== scaleKey(y));
}

function scaleKey({ type, scale, zeroPoint, scales, axis, blockSize }: ExistingRange): string {
  return JSON.stringify([type, scale, zeroPoint, scales, axis, blockSize]);
}

function brief(node: NodeProto): { name: string; op: string } {
  return { name: label(node), op: node.opType };
}
