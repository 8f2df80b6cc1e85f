import { binsOf, chooseParams, expectedSquaredError, type Bins } from '../../numeric';
import { COHERENT } from '../clipping-weight';
import { leastErrorRange, withoutTiny } from './mse';
import { hasNoSpread, type Observer, type Range } from './observer';

/** A range that clips must be worth at least this, in dB. */
const WORTH_DB = 0.1;

/**
 * The range of least expected squared error *at what reads the tensor*: rounding counts as it is, clipping as many times
 * more as its errors add up there ({@link clippingWeight}). It is min-max unless another range is better by 0.1 dB, and so
 * clips least of what calibration did not see. What nothing reads ({@link readRange}) costs nothing to clip, and is.
 */
export const auto: Observer = (statistics, { type, clipping = COHERENT, read }) => {
  const min = Math.max(statistics.min, read?.min ?? -Infinity);
  const max = Math.min(statistics.max, read?.max ?? Infinity);
  if (hasNoSpread({ min, max })) return { min: statistics.min, max: statistics.max };
  const { relevant, constant } = withoutTiny(
    within(binsOf(statistics.histogram), min, max),
    min,
    max,
  );
  const cost = (range: Range) => {
    const params = chooseParams(range.min, range.max, type);
    return constant + expectedSquaredError(relevant, params, type, clipping);
  };
  const found = leastErrorRange(min, max, cost);
  const range = { min: Math.max(found.min, min), max: Math.min(found.max, max) };
  const whole = { min, max };
  return cost(range) < cost(whole) * 10 ** (-WORTH_DB / 10) ? range : whole;
};

/** Bins between two values: what lies outside is exact at the end that it is clipped to. */
function within({ low, high, count }: Bins, min: number, max: number): Bins {
  const inside = { low: [] as number[], high: [] as number[], count: [] as number[] };
  for (let i = 0; i < count.length; i++) {
    const [a, b] = [Math.max(low[i]!, min), Math.min(high[i]!, max)];
    if (a > b) continue;
    inside.low.push(a);
    inside.high.push(b);
    inside.count.push(count[i]!);
  }
  return inside;
}
