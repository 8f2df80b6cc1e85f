import type { NodeProto } from '../../onnx';
import { normalizations } from './layer-norm';
import { computedInputs, isOp } from './walk';
import type { PatternPart, Recognizer } from './types';

const part: PatternPart = {
  pattern: 'residual add',
  reason: 'it is a residual add of a transformer block: its stream stays float',
};

const NORMALIZATIONS = [
  'LayerNormalization',
  'RMSNormalization',
  'SimplifiedLayerNormalization',
  'SkipLayerNormalization',
];

/**
 * Residual adds of transformer blocks: an Add of two computed tensors whose result a LayerNorm normalizes (or, where the
 * norm comes first, one of whose summands does), be it one node or written out.
 * Does nothing in networks without LayerNorm: their residual adds are integer.
 */
export const residual: Recognizer = ({ index, model }) => {
  const normalized = new Set(normalizations(index, model.graph.node).map(({ input }) => input));
  for (const node of model.graph.node)
    if (NORMALIZATIONS.includes(node.opType)) normalized.add(node.input[0]!);
  const parts = new Map<NodeProto, PatternPart>();
  for (const node of model.graph.node) {
    if (!isOp(node, 'Add') || computedInputs(index, node).length !== 2) continue;
    if ([...node.input, ...node.output].some((tensor) => normalized.has(tensor)))
      parts.set(node, part);
  }
  return parts;
};
