import type { GraphIndex, NodeProto } from '../../onnx';
import { computedInputs, isOp, isValue } from './walk';
import type { PatternPart, Recognizer } from './types';

const part: PatternPart = {
  pattern: 'LayerNorm',
  reason: 'it is part of a LayerNorm: normalisation stays float',
};

/** A decomposed normalisation: its nodes, and the tensor that it normalizes. */
export interface Normalization {
  nodes: Set<NodeProto>;
  input: string;
}

/**
 * LayerNorm and RMSNorm that exporters wrote out: `(x − mean x) / √(mean (x − mean x)² + ε) · γ + β`, with or without
 * the mean, with Div or Reciprocal, with Pow or a product of itself, and TensorFlow's order of the same
 * (`x·(γ/σ) + (β − mean·(γ/σ))`).
 * 1. The root of it is a Sqrt of a mean (of squares), with or without ε.
 * 2. Backwards from there come ε, the mean, the square, the difference, the mean of the input.
 * 3. Forwards everything belongs to it that reads nothing but its parts, constants and its input, up to one gain and
 *    one offset.
 */
export const layerNorm: Recognizer = ({ index, model }) => {
  const parts = new Map<NodeProto, PatternPart>();
  for (const found of normalizations(index, model.graph.node))
    for (const node of found.nodes) parts.set(node, part);
  return parts;
};

/** Every decomposed normalisation of a graph. */
export function normalizations(index: GraphIndex, nodes: readonly NodeProto[]): Normalization[] {
  return nodes.flatMap((node) => {
    const found = isOp(node, 'Sqrt') ? before(index, node) : null;
    if (!found) return [];
    after(index, found, node);
    // a Sqrt of a mean that nothing is divided by is something else
    return found.nodes.size > 4 ? [found] : [];
  });
}

/** Backwards from the Sqrt to the tensor that is normalized. */
function before(index: GraphIndex, sqrt: NodeProto): Normalization | null {
  const nodes = new Set([sqrt]);
  const take = (node: NodeProto) => nodes.add(node);
  let node = index.producer(sqrt.input[0]!);
  if (isOp(node, 'Add') && computedInputs(index, node).length === 1) {
    take(node);
    node = index.producer(computedInputs(index, node)[0]!);
  }
  if (!isOp(node, 'ReduceMean')) return null;
  take(node);
  const square = index.producer(node.input[0]!);
  const squared = square && rootOfSquare(index, square);
  if (squared === undefined) return null;
  take(square!);
  const difference = index.producer(squared);
  const mean = isOp(difference, 'Sub') ? index.producer(difference.input[1]!) : undefined;
  if (!isOp(difference, 'Sub') || !isOp(mean, 'ReduceMean')) return { nodes, input: squared };
  const input = difference.input[0]!;
  if (mean.input[0] !== input) return { nodes, input: squared };
  take(difference);
  take(mean);
  // some exporters subtract twice: once for the variance and once for the result
  for (const twin of index.consumers(mean.output[0]!))
    if (isOp(twin, 'Sub') && twin.input[0] === input) take(twin);
  return { nodes, input };
}

/** What is squared by a node; undefined where it is no square. */
function rootOfSquare(index: GraphIndex, node: NodeProto): string | undefined {
  if (isOp(node, 'Pow') && isValue(index, node.input[1]!, 2)) return node.input[0];
  if (isOp(node, 'Mul') && node.input[0] === node.input[1]) return node.input[0];
  return undefined;
}

const FORWARD = ['Div', 'Reciprocal', 'Mul', 'Sub', 'Add'];

/** Forwards: what reads parts, constants and the input only; behind the offset it ends. */
function after(index: GraphIndex, { nodes, input }: Normalization, sqrt: NodeProto): void {
  const inside = (tensor: string) =>
    tensor === input || index.isConstant(tensor) || nodes.has(index.producer(tensor)!);
  let offset: NodeProto | null = null;
  for (let grew = true; grew;) {
    grew = false;
    for (const node of [...nodes])
      for (const output of node.output)
        for (const reader of index.consumers(output)) {
          if (nodes.has(reader) || node === offset) continue;
          if (!isOp(reader, ...FORWARD) || !reader.input.every(inside)) continue;
          // x + x̂ is a residual, not a part
          if (isOp(reader, 'Add') && reader.input.includes(input)) continue;
          nodes.add(reader);
          if (isOp(reader, 'Add') && behind(index, reader, sqrt)) offset = reader;
          grew = true;
        }
  }
}

/** True where a node is computed from another through at most six. */
function behind(index: GraphIndex, node: NodeProto, from: NodeProto, steps = 6): boolean {
  if (node === from) return true;
  if (steps === 0) return false;
  return node.input.some((name) => {
    const producer = index.producer(name);
    return producer !== undefined && behind(index, producer, from, steps - 1);
  });
}
