import { Random } from './random';

/** How an interval is drawn. */
export interface BootstrapOptions {
  /** Default 2000. */
  resamples?: number;
  /** Default 0: the same data always gets the same interval. */
  seed?: number;
  /** Default 0.95. */
  level?: number;
}

/** An estimate with its interval, and the number of pairs behind it. */
export interface Estimate {
  value: number;
  low: number;
  high: number;
  n: number;
}

/**
 * Mean of `after − before` over paired samples, with its bootstrap interval (percentile method: Efron and
 * Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 13). Without pairs everything is NaN; with
 * one pair the interval is that point.
 * @throws RangeError if the lengths differ.
 */
export function pairedBootstrap(
  before: ArrayLike<number>,
  after: ArrayLike<number>,
  { resamples = 2000, seed = 0, level = 0.95 }: BootstrapOptions = {},
): Estimate {
  const n = pairs(before, after);
  const difference = new Float64Array(n);
  let sum = 0;
  for (let i = 0; i < n; i++) sum += difference[i] = after[i]! - before[i]!;
  const random = new Random(seed);
  const means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let total = 0;
    for (let i = 0; i < n; i++) total += difference[random.below(n)]!;
    means[r] = total / n;
  }
  return { value: sum / n, ...percentiles(means, level), n };
}

/**
 * The difference of any statistic of two sets whose items are paired, with its bootstrap interval: resamples take the same items
 * of both. Those of which the statistic of either is not finite (a class may be missing in one) are left out.
 * @returns with `left`, the number of resamples that were left out; where all were, the interval is NaN
 * @throws RangeError if the lengths differ, and what `statistic` throws.
 */
export function pairedBootstrapOf<T>(
  before: readonly T[],
  after: readonly T[],
  statistic: (items: T[]) => number,
  { resamples = 2000, seed = 0, level = 0.95 }: BootstrapOptions = {},
): Estimate & { left: number } {
  const n = pairs(before, after);
  const difference = (indices: readonly number[]) =>
    statistic(indices.map((i) => after[i]!)) - statistic(indices.map((i) => before[i]!));
  const all = [...before.keys()];
  const random = new Random(seed);
  const found: number[] = [];
  for (let r = 0; r < resamples; r++) {
    const value = difference(all.map(() => random.below(n)));
    if (Number.isFinite(value)) found.push(value);
  }
  const interval = percentiles(Float64Array.from(found), level);
  return { value: difference(all), ...interval, n, left: resamples - found.length };
}

/**
 * Median of `before / after` over interleaved pairs (a speed-up, if these are times), with its bootstrap
 * interval by the percentile method. Pairs stay together, so that a slow moment of the machine counts in both.
 * @throws RangeError if the lengths differ.
 */
export function medianRatioBootstrap(
  before: ArrayLike<number>,
  after: ArrayLike<number>,
  { resamples = 2000, seed = 0, level = 0.95 }: BootstrapOptions = {},
): Estimate {
  const n = pairs(before, after);
  const ratios = Float64Array.from({ length: n }, (_, i) => before[i]! / after[i]!).sort();
  const random = new Random(seed);
  const drawn = new Uint32Array(n);
  const medians = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    drawn.fill(0);
    for (let i = 0; i < n; i++) drawn[random.below(n)]!++;
    medians[r] = weightedMedian(ratios, drawn);
  }
  return { value: weightedMedian(ratios, drawn.fill(1)), ...percentiles(medians, level), n };
}

/** The value below which a share `p` of ascending values lies, with linear interpolation; NaN if empty. */
export function quantileOfSorted(sorted: ArrayLike<number>, p: number): number {
  const at = p * (sorted.length - 1);
  const low = sorted[Math.floor(at)] ?? NaN;
  const high = sorted[Math.ceil(at)] ?? NaN;
  return low === high ? low : low + (high - low) * (at - Math.floor(at));
}

function pairs(before: { length: number }, after: { length: number }): number {
  if (before.length !== after.length)
    throw new RangeError(`${before.length} values paired with ${after.length}.`);
  return before.length;
}

function percentiles(values: Float64Array, level: number): { low: number; high: number } {
  values.sort();
  const tail = (1 - level) / 2;
  return { low: quantileOfSorted(values, tail), high: quantileOfSorted(values, 1 - tail) };
}

/** The median of ascending values of which each stands there `weights[i]` times; the weights sum to n. */
function weightedMedian(sorted: Float64Array, weights: Uint32Array): number {
  const n = sorted.length;
  const [lower, upper] = [(n - 1) >> 1, n >> 1];
  let seen = 0;
  let low = NaN;
  for (let i = 0; i < n; i++) {
    const before = seen;
    seen += weights[i]!;
    if (before <= lower && lower < seen) low = sorted[i]!;
    if (before <= upper && upper < seen) return (low + sorted[i]!) / 2;
  }
  return NaN;
}
