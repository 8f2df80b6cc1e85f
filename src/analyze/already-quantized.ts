import { allNodes, type Model } from '../onnx';
import { isQuantizing } from '../quantize/quantized-operators';
import type { Note } from '../results';

/** The operators of a model that quantize or compute with codes, most frequent first: `12 QuantizeLinear, 4 QLinearConv`. */
export function quantizingOperators(model: Model): string | null {
  const counts = new Map<string, number>();
  for (const node of allNodes(model.graph))
    if (isQuantizing(node)) counts.set(node.opType, (counts.get(node.opType) ?? 0) + 1);
  if (counts.size === 0) return null;
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return sorted.map(([op, count]) => `${count} ${op}`).join(', ');
}

/** The note for a model that was quantized before; null for one of floats. */
export function alreadyQuantized(model: Model): Note | null {
  const operators = quantizingOperators(model);
  if (operators === null) return null;
  return {
    code: 'already-quantized',
    severity: 'warning',
    message: `The model was quantized before: it holds ${operators}. What is still float in it can be quantized; the rest stays as it is.`,
    remedy:
      'Begin with the FP32 model that it was made from, or make one of it: vernier dequantize MODEL.',
  };
}
