/** What a Relu or Clip makes of the channels before it, told from the largest value that each was seen to reach. */
import type { TensorStatistics } from '../../quantize/statistics';
import { normalBelow, normalMean } from './activation';

/** By channel: mean and mean of squares behind the activation, and the share of values that it lets through. */
export interface Rectified {
  /** Computed when it is asked for. */
  mean: () => Float64Array;
  square: Float64Array;
  active: Float64Array;
}

/**
 * Takes the values before the activation as normal. A channel's deviation is known but for a factor common to all
 * (`spread`, from its weights), and its mean lies as far below its largest value as the largest of so many normal values
 * does: √(2·ln n) deviations. The factor is the one with which as many values get through as calibration counted.
 * @param spread variances of the channels before the activation, up to a common factor
 * @param top where a Clip cuts, or Infinity
 */
export function rectified(
  { channels, moments, histogram }: TensorStatistics,
  spread: ArrayLike<number>,
  top: number,
): Rectified | null {
  if (channels?.max.length !== spread.length || !(moments.count > 0)) return null;
  const { max } = channels;
  const reach = Math.sqrt(2 * Math.log(Math.max(2, moments.count / max.length)));
  let [inside, all] = [0, 0];
  histogram.forEach((low, high, count) => {
    all += count;
    if (low > 0 && high < top) inside += count;
  });
  const deviation = Float64Array.from(spread, (v) => Math.sqrt(Math.max(v, 0)));
  const activeWith = (factor: number) =>
    Float64Array.from(max, (most, c) => {
      if (most <= 0) return 0;
      const s = factor * deviation[c]!;
      if (s === 0) return 1;
      const center = most - reach * s;
      return normalBelow(center / s) - (top < Infinity ? normalBelow((center - top) / s) : 0);
    });
  let [low, high] = [1e-4, 1e4];
  for (let i = 0; i < 40; i++) {
    const middle = Math.sqrt(low * high);
    if (mean(activeWith(middle)) > inside / all) low = middle;
    else high = middle;
  }
  const factor = Math.sqrt(low * high);
  const behind = (power: number, seen: number) => {
    const found = Float64Array.from(max, (most, c) => {
      const s = factor * deviation[c]!;
      const end = Math.min(most, top);
      const clipped = (x: number) => Math.max(0, Math.min(end, x)) ** power;
      return most <= 0 ? 0 : normalMean(most - reach * s, s, clipped);
    });
    const scale = mean(found) > 0 ? seen / mean(found) : 0;
    return found.map((v) => v * scale);
  };
  return {
    mean: () => behind(1, moments.mean),
    square: behind(2, moments.mean ** 2 + moments.variance),
    active: activeWith(factor),
  };
}

const mean = (values: Float64Array) => values.reduce((a, b) => a + b, 0) / values.length;
