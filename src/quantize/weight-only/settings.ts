import type { BlockFormat } from '../../numeric';

/** What weights become: `int*` with zero in the middle, `uint*` with a zero point of their own for every scale. */
export type WeightType = 'int4' | 'uint4' | 'int8' | 'uint8';

/** Block sizes that the kernels take. */
export const BLOCKS = [16, 32, 64, 128, 256] as const;
export type Block = (typeof BLOCKS)[number];

/** How weights are stored and what reads them. */
export interface WeightOnlySettings {
  /** The runtime's own operators, or ONNX's DequantizeLinear of opset 21. */
  form: 'matmul-nbits' | 'qdq';
  granularity: 'block' | 'channel' | 'tensor';
  block: Block;
  method: 'rtn' | 'hqq';
  /**
   * `accuracy_level` of MatMulNBits: 4 lets the runtime round what it multiplies with to int8, block by block, where the
   * CPU has such a kernel; 1 keeps it float32.
   */
  accuracyLevel: 1 | 4;
  /** What the weights of a layer become, by its name and operator. */
  typeOf(layer: string, op: string): WeightType;
}

export const bitsOf = (type: WeightType): 4 | 8 => (type.endsWith('4') ? 4 : 8);
export const isSigned = (type: WeightType): boolean => type.startsWith('int');

/** How a run of weights becomes codes. HQQ chooses zero points: where there are none, round to nearest is what is left. */
export function formatOf(type: WeightType, { form, method }: WeightOnlySettings): BlockFormat {
  return {
    bits: bitsOf(type),
    symmetric: isSigned(type),
    method: isSigned(type) ? 'rtn' : method,
    signedScale: form === 'matmul-nbits',
  };
}
