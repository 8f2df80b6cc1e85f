import type { GraphIndex, NodeProto } from '../../onnx';
import { isOp, isView } from './walk';
import type { PatternPart, Recognizer } from './types';

const PRODUCTS = ['MatMul', 'Einsum'];
const SCORES = ['Add', 'Where', 'Mul', 'Div', 'Sub', 'Min', 'Max', 'Pow', 'Sqrt'];

/** One attention: its Softmax, the products before and behind it, and what stands between. */
export interface Attention {
  softmax: NodeProto;
  /** QKᵀ and PV; undefined where the Softmax is not between two products. */
  scores: NodeProto | undefined;
  values: NodeProto | undefined;
  between: Set<NodeProto>;
  masked: boolean;
}

/**
 * Attention that exporters wrote out: MatMul (queries with keys) → scale, mask → Softmax → MatMul (with values).
 * 1. The root of it is a Softmax that a MatMul of two computed sides leads to, through scaling and masking.
 * 2. Whatever stands between that MatMul and the Softmax is a part; so are both MatMuls.
 * Where a Softmax is masked without a MatMul before it, what leads to it from the mask on is a part too.
 */
export const attention: Recognizer = ({ index, model, masked: masks }) => {
  const parts = new Map<NodeProto, PatternPart>();
  for (const node of model.graph.node) {
    if (!isOp(node, 'Softmax')) continue;
    const found = attentionAround(index, node, masks);
    const what = found.masked ? 'a masked Softmax' : 'the Softmax of an attention';
    if (!found.scores && !found.masked) continue;
    const pattern = found.masked ? 'masked softmax' : 'attention';
    parts.set(node, {
      pattern,
      reason: found.masked
        ? 'it is a masked Softmax: what enters and leaves it stays float'
        : 'it is the Softmax of an attention: what enters and leaves it stays float',
    });
    for (const member of found.between) parts.set(member, { pattern, reason: `it enters ${what}` });
    if (found.scores)
      parts.set(found.scores, {
        pattern: 'attention',
        reason: `both sides are computed, and its result enters ${what}`,
      });
    if (found.values)
      parts.set(found.values, {
        pattern: 'attention',
        reason: `both sides are computed, and one of them leaves ${what}`,
      });
  }
  return parts;
};

/** Backwards and forwards from a Softmax. */
export function attentionAround(
  index: GraphIndex,
  softmax: NodeProto,
  masks: ReadonlyMap<string, number>,
): Attention {
  const between = new Set<NodeProto>();
  let scores: NodeProto | undefined;
  const queue = [softmax.input[0]!];
  for (let tensor = queue.shift(); tensor !== undefined; tensor = queue.shift()) {
    const node = index.producer(tensor);
    if (!node || between.has(node)) continue;
    if (PRODUCTS.includes(node.opType)) {
      if (!index.isConstant(node.input[1] ?? '')) scores ??= node;
      continue;
    }
    if (isView(node) || isOp(node, ...SCORES)) {
      between.add(node);
      queue.push(...node.input.filter((name) => name !== ''));
    }
  }
  const masked = masks.has(softmax.input[0]!);
  const values = reader(index, softmax.output[0]!);
  return { softmax, scores, values, between: scores || masked ? between : new Set(), masked };
}

/** The MatMul that multiplies what a Softmax gives, through nodes that move or choose values. */
function reader(index: GraphIndex, tensor: string, steps = 4): NodeProto | undefined {
  for (const node of index.consumers(tensor)) {
    if (PRODUCTS.includes(node.opType)) return node;
    const found =
      steps > 0 && (isView(node) || isOp(node, 'Where', 'Mul'))
        ? reader(index, node.output[0]!, steps - 1)
        : undefined;
    if (found) return found;
  }
  return undefined;
}
