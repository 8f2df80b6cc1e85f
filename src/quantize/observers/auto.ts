import { entropy } from './entropy';
import { expectedDb } from './expected';
import { minmax } from './minmax';
import { mse } from './mse';
import type { Observer, Range } from './observer';
import { percentile } from './percentile';

/** A range that clips more must be worth at least this, in dB. */
const WORTH_DB = 0.1;

/**
 * For each tensor the candidate with the least expected squared error *at that tensor*: min-max, percentile, entropy or
 * MSE, in this order; a later one must be better by 0.1 dB. So it is min-max where clipping gains nothing,
 * which also clips least of what calibration did not see. It does not know how much the model's output minds the
 * error of a tensor: a range that is best here may not be best there.
 */
export const auto: Observer = (statistics, settings) => {
  let best: { range: Range; db: number } | null = null;
  for (const observer of [minmax, percentile, entropy, mse]) {
    const range = observer(statistics, settings);
    const db = expectedDb(statistics, range, settings.type);
    if (db !== null && (!best || db > best.db + WORTH_DB)) best = { range, db };
  }
  return best?.range ?? minmax(statistics, settings);
};
