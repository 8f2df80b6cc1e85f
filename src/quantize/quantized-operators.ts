/** Operators that hold codes: what a file that was quantized before is told by. */
import type { NodeProto } from '../onnx';

/** How a file came to be quantized. */
export type QuantizedFormat = 'qdq' | 'integer' | 'dynamic' | 'weight-only';

const WEIGHT_ONLY = new Set(['MatMulNBits', 'MatMulBnb4', 'GatherBlockQuantized', 'QMoE']);

/** The format that an operator belongs to; null for operators of floats. */
export function quantizedFormat({ opType }: NodeProto): QuantizedFormat | null {
  if (opType === 'QuantizeLinear' || opType === 'DequantizeLinear') return 'qdq';
  if (/^DynamicQuantize/.test(opType)) return 'dynamic';
  if (WEIGHT_ONLY.has(opType)) return 'weight-only';
  if (/^QLinear|^QGemm$|^QAttention$|^QEmbed|^QOrdered|Integer(ToFloat)?$/.test(opType))
    return 'integer';
  return null;
}

/** True for operators that quantize, or compute with codes. */
export function isQuantizing(node: NodeProto): boolean {
  return quantizedFormat(node) !== null;
}
