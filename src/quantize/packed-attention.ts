import type { NodeProto } from '../onnx';

/** True for the runtime's own Attention, which multiplies its input with the weights of Q, K and V in one product. */
export function isPackedAttention(node: NodeProto): boolean {
  return node.opType === 'Attention' && node.domain === 'com.microsoft';
}
