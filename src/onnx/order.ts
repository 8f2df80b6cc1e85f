/** Topological order. */
import { VernierError } from '../errors';
import { nodeReads } from './graph';
import type { GraphProto, NodeProto } from './schema';

/**
 * Nodes of a graph in an order in which every tensor is written before it is read; stable, so that a sorted
 * graph keeps its order. Throws `model.cycle` with a node of the cycle, `model.duplicate-output` where two nodes write
 * one tensor.
 */
export function topologicalOrder(graph: GraphProto, file?: string): NodeProto[] {
  const producer = new Map<string, number>();
  graph.node.forEach((node, i) => {
    for (const output of node.output) {
      if (output === '') continue;
      const other = producer.get(output);
      if (other !== undefined)
        throw new VernierError(
          'model.duplicate-output',
          `Tensor '${output}' is written by two nodes: '${label(graph.node[other]!)}' and '${label(node)}'.`,
          { file, node: label(node), tensor: output, remedy: 'Export the model again.' },
        );
      producer.set(output, i);
    }
  });
  const waiting = graph.node.map((node) => {
    const needs = new Set<number>();
    for (const name of nodeReads(node)) {
      const i = producer.get(name);
      if (i !== undefined) needs.add(i);
    }
    return needs;
  });
  const unlocks = graph.node.map((): number[] => []);
  waiting.forEach((needs, i) => needs.forEach((need) => unlocks[need]!.push(i)));
  const ready = new MinHeap();
  waiting.forEach((needs, i) => {
    if (needs.size === 0) ready.push(i);
  });
  const order: NodeProto[] = [];
  for (let i = ready.pop(); i !== undefined; i = ready.pop()) {
    order.push(graph.node[i]!);
    for (const next of unlocks[i]!) {
      waiting[next]!.delete(i);
      if (waiting[next]!.size === 0) ready.push(next);
    }
  }
  if (order.length < graph.node.length) throw cycle(graph, waiting, file);
  return order;
}

/** Walks back from a node that waits to one that it waits for, until it comes round. */
function cycle(graph: GraphProto, waiting: readonly Set<number>[], file?: string): VernierError {
  const path: number[] = [];
  const seen = new Set<number>();
  let at = waiting.findIndex((needs) => needs.size > 0);
  while (!seen.has(at)) {
    seen.add(at);
    path.push(at);
    at = waiting[at]!.values().next().value!;
  }
  const round = path.slice(path.indexOf(at)).reverse();
  const names = round.map((i) => `'${label(graph.node[i]!)}'`);
  const shown = names.length > 4 ? [...names.slice(0, 3), '…', names.at(-1)!] : names;
  const node = label(graph.node[at]!);
  return new VernierError('model.cycle', `The graph has a cycle: ${shown.join(' → ')}.`, {
    file,
    node,
    remedy: 'Export the model again; an ONNX graph must not loop.',
  });
}

/** A node's name, or its first output's where it has none. */
export function label(node: NodeProto): string {
  return node.name !== '' ? node.name : (node.output.find((o) => o !== '') ?? node.opType);
}

class MinHeap {
  private readonly items: number[] = [];

  push(value: number): void {
    const a = this.items;
    a.push(value);
    for (let i = a.length - 1; i > 0;) {
      const parent = (i - 1) >> 1;
      if (a[parent]! <= a[i]!) break;
      [a[parent], a[i]] = [a[i]!, a[parent]!];
      i = parent;
    }
  }

  pop(): number | undefined {
    const a = this.items;
    const top = a[0];
    const last = a.pop();
    if (a.length === 0 || last === undefined) return top;
    a[0] = last;
    for (let i = 0; ;) {
      const left = 2 * i + 1;
      const right = left + 1;
      let least = i;
      if (left < a.length && a[left]! < a[least]!) least = left;
      if (right < a.length && a[right]! < a[least]!) least = right;
      if (least === i) return top;
      [a[least], a[i]] = [a[i]!, a[least]!];
      i = least;
    }
  }
}
