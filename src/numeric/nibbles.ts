/** Bytes that `count` codes of 4 bits take. */
export function nibbleBytes(count: number): number {
  return Math.ceil(count / 2);
}

/**
 * Writes a 4-bit code at index `at` of a packed array: the first of a pair stands in the low half of its byte, as ONNX
 * (https://onnx.ai/onnx/technical/int4.html) and MatMulNBits have it. The half must be zero before.
 */
export function putNibble(packed: Uint8Array, at: number, code: number): void {
  packed[at >> 1]! |= (code & 15) << ((at & 1) << 2);
}

/** The 4-bit code at index `at` of a packed array, 0 … 15. */
export function getNibble(packed: Uint8Array, at: number): number {
  return (packed[at >> 1]! >> ((at & 1) << 2)) & 15;
}
