import type { FloatBitsHistogram } from './histogram';
import { codeRange, type QuantParams, type QuantType } from './params';

/** Intervals of values with how many lie in each, spread evenly; ascending. */
export interface Bins {
  low: ArrayLike<number>;
  high: ArrayLike<number>;
  count: ArrayLike<number>;
}

/** The occupied bins of a histogram in arrays: for whoever goes over them many times. */
export function binsOf(histogram: FloatBitsHistogram): Bins {
  const bins = { low: [] as number[], high: [] as number[], count: [] as number[] };
  histogram.forEach((low, high, count) => {
    bins.low.push(low);
    bins.high.push(high);
    bins.count.push(count);
  });
  return bins;
}

/**
 * Sum over all values of the squared difference that quantizing makes, rounding and clipping alike, with the
 * values of a bin spread evenly over it. Within a bin the integral is exact: with u = x/scale and n the code that u
 * is given (rounded, kept within the codes), an antiderivative of (u − n)² is n/12 + (u − n)³/3.
 *
 * Data that knows only few values (pixels) may do better than this says, where the codes happen to hit them.
 * @param clipping how often values beyond the codes count: bins whose middle no code rounds to
 */
export function expectedSquaredError(
  { low, high, count }: Bins,
  { scale, zeroPoint }: QuantParams,
  type: QuantType,
  clipping = 1,
): number {
  const codes = codeRange(type);
  const [first, last] = [codes.min - zeroPoint, codes.max - zeroPoint];
  let [sum, clipped] = [0, 0];
  for (let i = 0; i < count.length; i++) {
    const a = low[i]! / scale;
    const b = high[i]! / scale;
    const n = a < first ? first : a > last ? last : Math.round(a);
    const m = b < first ? first : b > last ? last : Math.round(b);
    const [s, t] = [a - n, b - m];
    // Within one code the same as below, without the difference of almost equal numbers.
    const mean =
      n === m
        ? (s * s + s * t + t * t) / 3
        : ((m - n) / 12 + (t * t * t - s * s * s) / 3) / (b - a);
    sum += count[i]! * mean;
    const middle = (a + b) / 2;
    if (clipping === 1 || (middle >= first - 0.5 && middle <= last + 0.5)) continue;
    const end = middle < first ? first : last;
    const [u, v] = [a - end, b - end];
    clipped += (count[i]! * (u * u + u * v + v * v)) / 3;
  }
  return (sum + (clipping - 1) * clipped) * scale * scale;
}
