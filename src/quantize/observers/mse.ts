import { binsOf, chooseParams, expectedSquaredError, type Bins } from '../../numeric';
import { hasNoSpread, type Observer, type Range } from './observer';

/** An end of the range is looked for between itself and this share of it. */
const LEAST = 2 ** -8;
/** Width of the last step: 2^(1/512) is 0.14 % of an end. */
const LAST_STEP = 2 ** -9;

/**
 * The range of least expected squared error, rounding and clipping together, of the very quantizer that the
 * model will have: its float32 scale, its integer zero point, zero exactly representable.
 */
export const mse: Observer = (statistics, { type }) => {
  const { min, max } = statistics;
  if (hasNoSpread(statistics)) return { min, max };
  const bins = binsOf(statistics.histogram);
  const { relevant, constant } = withoutTiny(bins, min, max);
  const found = leastErrorRange(min, max, (range) => {
    const params = chooseParams(range.min, range.max, type);
    return constant + expectedSquaredError(relevant, params, type);
  });
  return { min: Math.max(found.min, min), max: Math.min(found.max, max) };
};

/**
 * The range within [min, max] where `errorOf` is least:
 *
 * 1. every pair of ends on a grid of steps of √2, from the extremes down to 1/256 of them (errors have more than one valley);
 * 2. around the best of them ever finer grids, the step halved whenever no neighbour is better, down to 0.14 % of an end.
 *
 * Zero belongs to every range: where all values are on one side of it, that end is zero and stays. Ties go to
 * the wider range.
 */
export function leastErrorRange(
  min: number,
  max: number,
  errorOf: (range: Range) => number,
): Range {
  const [shrinksLow, shrinksHigh] = [min < 0, max > 0];
  const rangeAt = (low: number, high: number): Range => ({
    min: Math.min(min, 0) * 2 ** low,
    max: Math.max(max, 0) * 2 ** high,
  });
  const end = Math.log2(LEAST);
  let best = { low: 0, high: 0, error: errorOf(rangeAt(0, 0)) };
  const consider = (low: number, high: number): boolean => {
    if ((low !== 0 && !shrinksLow) || (high !== 0 && !shrinksHigh)) return false;
    if (low > 0 || high > 0 || low < end || high < end) return false;
    const error = errorOf(rangeAt(low, high));
    if (!(error < best.error)) return false;
    best = { low, high, error };
    return true;
  };
  for (let low = 0; low >= end; low -= 0.5)
    for (let high = 0; high >= end; high -= 0.5) if (low < 0 || high < 0) consider(low, high);
  for (let step = 0.25; step >= LAST_STEP;) {
    const { low, high } = best;
    let better = false;
    for (const l of [-step, 0, step])
      for (const h of [-step, 0, step])
        if (l !== 0 || h !== 0) better = consider(low + l, high + h) || better;
    if (!better) step /= 2;
  }
  return rangeAt(best.low, best.high);
}

/** Sets apart bins so near to zero that they round to it in every range that is looked at. */
export function withoutTiny(
  { low, high, count }: Bins,
  min: number,
  max: number,
): { relevant: Bins; constant: number } {
  // Half of the narrowest scale, with room to spare.
  const wide = Math.max(-min, max, 0);
  const tiny = (wide * LEAST) / 2 ** 17;
  const relevant = { low: [] as number[], high: [] as number[], count: [] as number[] };
  let constant = 0;
  for (let i = 0; i < count.length; i++) {
    const [a, b, n] = [low[i]!, high[i]!, count[i]!];
    if (Math.max(-a, b) < tiny) constant += (n * (a * a + a * b + b * b)) / 3;
    else {
      relevant.low.push(a);
      relevant.high.push(b);
      relevant.count.push(n);
    }
  }
  return { relevant, constant };
}
