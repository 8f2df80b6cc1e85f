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

/** Fewer pairs that disagree never reach 5 % in the exact test: `2 · 0.5⁵` is 6.25 %. */
const FEWEST_DISCORDANT = 6;

/**
 * Pairs that it would take McNemar's test to tell before from after, if the shares that disagree stay as they are: 95 %
 * two-sided, found four times out of five (Connor, Biometrics 43, 1987), and never so few that the exact test cannot.
 * Null where as many were lost as gained: no number would do. @param n pairs that these counts are of
 */
export function outcomesNeeded(
  { lost, gained }: Pick<Discordance, 'lost' | 'gained'>,
  n: number,
): number | null {
  if (lost === gained) return null;
  const disagree = (lost + gained) / n;
  const gap = Math.abs(gained - lost) / n;
  const root = SIDE * Math.sqrt(disagree) + POWER * Math.sqrt(Math.max(0, disagree - gap * gap));
  return Math.ceil(Math.max((root / gap) ** 2, FEWEST_DISCORDANT / disagree));
}
