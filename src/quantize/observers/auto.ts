import { binsOf, chooseParams, expectedSquaredError } from '../../numeric';
import { COHERENT } from '../clipping-weight';
import { leastErrorRange, withoutTiny } from './mse';
import { hasNoSpread, type Observer, type Range } from './observer';

/** A range that clips must be worth at least this, in dB. */
const WORTH_DB = 0.1;

/**
 * The range of least expected squared error *at what reads the tensor*: rounding counts as it is, clipping as many times
 * more as its errors add up there ({@link clippingWeight}). It is min-max unless another range is better by 0.1 dB, and so
 * clips least of what calibration did not see.
 */
export const auto: Observer = (statistics, { type, clipping = COHERENT }) => {
  const { min, max } = statistics;
  if (hasNoSpread(statistics)) return { min, max };
  const { relevant, constant } = withoutTiny(binsOf(statistics.histogram), min, max);
  const cost = (range: Range) => {
    const params = chooseParams(range.min, range.max, type);
    return constant + expectedSquaredError(relevant, params, type, clipping);
  };
  const found = leastErrorRange(min, max, cost);
  const range = { min: Math.max(found.min, min), max: Math.min(found.max, max) };
  const whole = { min, max };
  return cost(range) < cost(whole) * 10 ** (-WORTH_DB / 10) ? range : whole;
};
