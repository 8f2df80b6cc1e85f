import { fairBinomialCdf } from './binomial';

/** Pairs of yes and no in which before and after disagree. */
export interface Discordance {
  /** Yes before, no after. */
  lost: number;
  /** No before, yes after. */
  gained: number;
  /**
   * Exact two-sided p-value of McNemar's test: how often a fair coin would part them so unevenly or more (McNemar, Psychometrika
   * 12, 1947; the exact binomial form holds for any count). 1 where none disagree.
   */
  p: number;
}

/** McNemar's test of paired outcomes. @throws RangeError if the lengths differ. */
export function mcnemar(before: ArrayLike<boolean>, after: ArrayLike<boolean>): Discordance {
  if (before.length !== after.length)
    throw new RangeError(`${before.length} outcomes paired with ${after.length}.`);
  let [lost, gained] = [0, 0];
  for (let i = 0; i < before.length; i++) {
    if (before[i] && !after[i]) lost++;
    if (!before[i] && after[i]) gained++;
  }
  const p = Math.min(1, 2 * fairBinomialCdf(Math.min(lost, gained), lost + gained));
  return { lost, gained, p };
}

/** Quantiles of the normal distribution at 97.5 % and 80 %. */
const [SIDE, POWER] = [1.959964, 0.841621];

/**
 * Pairs that it would take to tell a mean difference from none, if mean and spread of these stay as they are: 95 % two-sided,
 * found four times out of five (Cohen, *Statistical Power Analysis*, 2nd ed., 2.4). Null where the mean is zero: no number
 * would do.
 */
export function pairsNeeded(before: ArrayLike<number>, after: ArrayLike<number>): number | null {
  const n = before.length;
  let [sum, squares] = [0, 0];
  for (let i = 0; i < n; i++) {
    const d = after[i]! - before[i]!;
    sum += d;
    squares += d * d;
  }
  const mean = sum / n;
  if (n < 2 || mean === 0 || !Number.isFinite(mean)) return null;
  const variance = Math.max(0, (squares - n * mean * mean) / (n - 1));
  return Math.max(2, Math.ceil(((SIDE + POWER) ** 2 * variance) / (mean * mean)));
}
