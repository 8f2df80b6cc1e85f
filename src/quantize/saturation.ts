/**
 * Saturation of the 16-bit pair accumulator (DESIGN §4.4): on x86 without VNNI an integer product adds two neighbours
 * `x₀·w₀ + x₁·w₁` of unsigned activations and signed weights in 16 bits (VPMADDUBSW), which clips beyond ±32767.
 */

/** Largest code of an unsigned 8-bit activation. */
const LARGEST_ACTIVATION = 255;
/** What a 16-bit accumulator holds. */
const LARGEST_SUM = 32767;

/** Weights of one output channel in an order in which a kernel may read them. */
export type ChannelOrder = (channel: number) => Int32Array;

/**
 * Orders in which kernels walk the weights of a channel: along the input of a matrix product; for a convolution channel by
 * channel (NCHW) and position by position (NHWC). Which one runs is the runtime's business, so both count.
 * @param dims of the weight, @param axis its output-channel axis, which comes first (Conv) or is one of two (Gemm, MatMul)
 */
export function channelOrders(dims: readonly number[], axis: number): ChannelOrder[] {
  if (dims.length === 2) {
    const [rows, columns] = dims as [number, number];
    return [
      (c) =>
        axis === 0
          ? Int32Array.from({ length: columns }, (_, k) => c * columns + k)
          : Int32Array.from({ length: rows }, (_, k) => k * columns + c),
    ];
  }
  const inputs = dims[1]!;
  const positions = dims.slice(2).reduce((a, b) => a * b, 1);
  const size = inputs * positions;
  return [
    (c) => Int32Array.from({ length: size }, (_, k) => c * size + k),
    (c) =>
      Int32Array.from(
        { length: size },
        (_, k) => c * size + (k % inputs) * positions + Math.floor(k / inputs),
      ),
  ];
}

/**
 * The smallest factor by which a channel's scale must grow so that no pair of neighbours can clip, whatever the
 * activations are; 1 where none can. @param codes int8 codes of the whole weight
 */
export function headroomFactor(
  codes: ArrayLike<number>,
  orders: readonly ChannelOrder[],
  channel: number,
): number {
  let largest = 0;
  for (const order of orders) {
    const indices = order(channel);
    for (let k = 0; k + 1 < indices.length; k++) {
      const [a, b] = [codes[indices[k]!]!, codes[indices[k + 1]!]!];
      const up = Math.max(a, 0) + Math.max(b, 0);
      const down = Math.max(-a, 0) + Math.max(-b, 0);
      largest = Math.max(largest, up, down);
    }
  }
  return Math.max(1, (largest * LARGEST_ACTIVATION) / LARGEST_SUM);
}

/** True where some activations could make a pair of the channel clip. */
export function canSaturate(
  codes: ArrayLike<number>,
  orders: readonly ChannelOrder[],
  channel: number,
): boolean {
  return headroomFactor(codes, orders, channel) > 1;
}
