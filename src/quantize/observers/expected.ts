import { binsOf, chooseParams, expectedSquaredError, type QuantType } from '../../numeric';
import type { TensorStatistics } from '../statistics';
import type { Range } from './observer';

/** SQNR is shown up to here; without any error it would be infinite. */
const MOST_DB = 150;

/**
 * Signal to quantization noise that a range is expected to leave *at this tensor*, in dB: signal from the exact
 * moments, noise from the histogram. What the noise does at the model's output it cannot know. Null where
 * the range is of no use, or nothing but zeros was seen.
 */
export function expectedDb(
  statistics: TensorStatistics,
  { min, max }: Range,
  type: QuantType,
): number | null {
  const { oddity, ...params } = chooseParams(min, max, type);
  if (oddity !== null && oddity !== 'constant') return null;
  const signal = statistics.moments.power;
  const noise = expectedSquaredError(binsOf(statistics.histogram), params, type);
  return Math.min(MOST_DB, 10 * Math.log10(signal / noise));
}
