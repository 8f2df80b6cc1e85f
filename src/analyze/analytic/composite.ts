/** Several elementwise nodes that together are a function of one tensor: x · Φ(x), x · sigmoid(x), written out. */
import type { NodeProto } from '../../onnx';
import { scalarFunction } from '../../quantize/scalar-functions';
import type { Activation } from './activation';
import type { Net } from './net';

/** A function of one tensor that comes from it on several ways. */
export interface Composite {
  root: string;
  f: Activation;
  /** All its nodes, the last one included. */
  nodes: ReadonlySet<NodeProto>;
}

/**
 * The outermost composites of a graph by their last node. Noise that comes on several ways from one tensor is not
 * independent: what they do to it together is the derivative of the whole. No tensor inside is read from outside.
 */
export function compositesOf(net: Net): Map<NodeProto, Composite> {
  const roots = rootsOf(net);
  const found = new Map<NodeProto, Composite>();
  const taken = new Set<NodeProto>();
  for (const node of [...net.nodes].reverse()) {
    const inputs = node.input.filter((name) => scalar(net, name) === null);
    if (taken.has(node) || inputs.length < 2 || !roots.has(node.output[0]!)) continue;
    const [, root] = roots.get(node.output[0]!)!;
    const nodes = root === undefined ? null : between(net, root, node);
    if (root === undefined || !nodes) continue;
    found.set(node, { root, nodes, f: functionFrom(net, root, node.output[0]!) });
    nodes.forEach((n) => taken.add(n));
  }
  return found;
}

/** For every elementwise result the tensors of any one of which it is a function: itself, then ever further ones. */
function rootsOf(net: Net): Map<string, readonly string[]> {
  const roots = new Map<string, readonly string[]>();
  for (const node of net.nodes) {
    if (node.output.length !== 1 || !scalarFunction(node)) continue;
    const inputs = node.input.filter((name) => scalar(net, name) === null);
    if (inputs.length === 0 || inputs.some((name) => name === '' || net.index.isConstant(name)))
      continue;
    const [first, ...others] = inputs.map((name) => roots.get(name) ?? [name]);
    const common = first!.filter((root) => others.every((list) => list.includes(root)));
    roots.set(node.output[0]!, [node.output[0]!, ...common]);
  }
  return roots;
}

/** A constant of one value; null where the tensor is none. */
function scalar(net: Net, name: string): number | null {
  const values = name === '' ? null : net.constant(name)?.values;
  return values?.length === 1 ? values[0]! : null;
}

/** The nodes from a tensor to a node; null where a tensor between them is read elsewhere. */
function between(net: Net, root: string, last: NodeProto): Set<NodeProto> | null {
  const nodes = new Set([last]);
  for (const node of nodes)
    for (const name of node.input)
      if (name !== root && scalar(net, name) === null) nodes.add(net.index.producer(name)!);
  const inside = [...nodes].filter((n) => n !== last).map((n) => n.output[0]!);
  const open = inside.some(
    (name) => net.index.isGraphOutput(name) || net.index.consumers(name).some((n) => !nodes.has(n)),
  );
  return open ? null : nodes;
}

function functionFrom(net: Net, root: string, tensor: string): Activation {
  if (tensor === root) return (x) => x;
  const known = scalar(net, tensor);
  if (known !== null) return () => known;
  const node = net.index.producer(tensor)!;
  const f = scalarFunction(node)!;
  const inputs = node.input.map((name) => (name === '' ? null : functionFrom(net, root, name)));
  return (x) => f(inputs.map((of) => of?.(x)));
}
