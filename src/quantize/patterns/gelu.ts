import type { GraphIndex, NodeProto } from '../../onnx';
import { behindViews, computedInputs, isOp, isValue, otherInput } from './walk';
import type { PatternPart, Recognizer } from './types';

const part: PatternPart = {
  pattern: 'GELU',
  reason: 'it is part of a GELU: its steep middle and long tail stay float',
};

/**
 * GELU that exporters wrote out: `½·x·(1 + erf(x/√2))`, or with `tanh(√(2/π)·(x + 0.044715·x³))`, in any order of
 * the products.
 * 1. The root of it is an Erf or Tanh whose only readers add 1.
 * 2. Backwards belongs to it what leads from `x` to there through constants alone; `x` is where the product that
 *    follows comes back to.
 *    Views (a Transpose between channels first and last) may stand anywhere and belong to nothing.
 * 3. Forwards belong to it the Add of 1 and the products with `x`, with ½ and with half of `x`.
 */
export const gelu: Recognizer = ({ index, model }) => {
  const parts = new Map<NodeProto, PatternPart>();
  for (const node of model.graph.node)
    if (isOp(node, 'Erf', 'Tanh'))
      for (const member of geluAround(index, node) ?? []) parts.set(member, part);
  return parts;
};

const BACKWARD = ['Div', 'Mul', 'Add', 'Pow'];

/** The nodes of a GELU around its Erf or Tanh; null where it is none. */
export function geluAround(index: GraphIndex, root: NodeProto): Set<NodeProto> | null {
  const [plusOne, ...others] = index.consumers(root.output[0]!);
  if (!plusOne || others.length > 0 || !isOp(plusOne, 'Add')) return null;
  const one = otherInput(plusOne, root.output[0]!);
  if (one === undefined || !isValue(index, one, 1)) return null;
  const ancestors = backwards(index, root);
  const nodes = new Set([root, plusOne]);
  let tensor = plusOne.output[0]!;
  let x: string | null = null;
  // ½ and x come in either order, or as one product of both
  for (let step = 0; step < 3; step++) {
    const [product, ...rest] = index.consumers(tensor);
    if (!product || rest.length > 0 || !isOp(product, 'Mul')) break;
    const factor = otherInput(product, tensor)!;
    if (!index.isConstant(factor)) {
      const shown = behindViews(index, factor).tensor;
      const half = index.producer(shown);
      const halved = half && !ancestors.has(shown) ? halfOf(index, half) : null;
      const source = halved === null ? shown : behindViews(index, halved).tensor;
      if (x !== null || !ancestors.has(source)) break;
      if (halved !== null) nodes.add(half!);
      x = source;
    } else if (!isValue(index, factor, 0.5)) break;
    nodes.add(product);
    tensor = product.output[0]!;
  }
  if (x === null) return null;
  for (const node of between(index, root, x)) nodes.add(node);
  return nodes;
}

/** What a node halves, or null. */
function halfOf(index: GraphIndex, node: NodeProto): string | null {
  if (!isOp(node, 'Mul')) return null;
  const slot = node.input.findIndex((name) => isValue(index, name, 0.5));
  return slot < 0 ? null : (node.input[1 - slot] ?? null);
}

/** Tensors from which the root's argument is made, at most a dozen, views looked through. */
function backwards(index: GraphIndex, root: NodeProto): Set<string> {
  const shown = (node: NodeProto) =>
    computedInputs(index, node).map((name) => behindViews(index, name).tensor);
  const seen = new Set(shown(root));
  for (const tensor of seen) {
    const node = index.producer(tensor);
    if (seen.size > 12 || !node || !isOp(node, ...BACKWARD)) continue;
    for (const input of shown(node)) seen.add(input);
  }
  return seen;
}

/** Nodes on the way from `x` to the root, without views. */
function between(index: GraphIndex, root: NodeProto, x: string): Set<NodeProto> {
  const nodes = new Set<NodeProto>();
  const queue = computedInputs(index, root);
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const { tensor } = behindViews(index, name);
    const node = tensor === x ? undefined : index.producer(tensor);
    if (!node || nodes.has(node) || nodes.size > 12) continue;
    nodes.add(node);
    queue.push(...computedInputs(index, node));
  }
  return nodes;
}
