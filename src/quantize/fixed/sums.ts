/** Bits and bounds of sums. */
import { shiftRight } from './format';

/** The lowest and the highest of some whole numbers. */
export interface Bounds {
  low: number;
  high: number;
}

/** Bits of two's complement that hold both bounds. */
export function bitsOf({ low, high }: Bounds): number {
  const needed = (n: number) => 1 + Math.ceil(Math.log2(n + 1));
  return Math.max(1, needed(Math.max(high, 0)), needed(Math.max(-low - 1, 0)));
}

/** A real bound as a code, rounded as QuantizeLinear rounds. */
export function roundReal(bound: number, fraction: number): number {
  const scaled = bound * 2 ** fraction;
  return Number.isInteger(scaled) ? scaled : shiftRight(scaled * 2 ** 30, 30);
}

/** Weights without the zero that makes their rows even. */
export function unpadded(codes: Int8Array, rows: number, from: number, to: number): Int8Array {
  if (from === to) return codes;
  const out = new Int8Array(rows * to);
  for (let r = 0; r < rows; r++) out.set(codes.subarray(r * from, r * from + to), r * to);
  return out;
}

/**
 * Bounds that `Σ x·w + b` cannot leave while it is added up, in whatever order, over all output channels.
 * @param input codes that x can have; padding makes zero one of them
 */
export function sumBounds(
  weights: Int8Array,
  bias: Int32Array | null,
  channels: number,
  input: Bounds,
): Bounds {
  const depth = weights.length / channels;
  const [least, most] = [Math.min(input.low, 0), Math.max(input.high, 0)];
  const all: Bounds = { low: 0, high: 0 };
  for (let c = 0; c < channels; c++) {
    const start = bias?.[c] ?? 0;
    let [low, high] = [start, start];
    for (let k = c * depth; k < (c + 1) * depth; k++) {
      const w = weights[k]!;
      low += w > 0 ? w * least : w * most;
      high += w > 0 ? w * most : w * least;
    }
    all.low = Math.min(all.low, low);
    all.high = Math.max(all.high, high);
  }
  return all;
}

/** Bounds of a sum, a difference or a product of two numbers. */
export function pairBounds(op: 'add' | 'subtract' | 'multiply', a: Bounds, b: Bounds): Bounds {
  const all = [a.low, a.high].flatMap((x) =>
    [b.low, b.high].map((y) => (op === 'add' ? x + y : op === 'subtract' ? x - y : x * y)),
  );
  return { low: Math.min(...all), high: Math.max(...all) };
}
