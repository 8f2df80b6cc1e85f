import type { AccuracyResult, LimitResult, Mode, ModeTrial } from '../results';
import { FASTER_THAN } from './latency';

/** What a mode may lose where the recipe sets no limits. */
export const MAY_LOSE = {
  /** Points of accuracy, as a fraction. */
  points: 0.01,
  /** Share by which an error may grow, or a metric of the user's own get worse. */
  error: 0.01,
  /** Share of samples whose label may change. */
  labels: 0.02,
  /** Lowest SQNR of an output, in dB, where there is nothing better to judge by. */
  sqnrDb: 20,
} as const;

/** Speed-ups of which one is not this much above the other count as the same. */
const SAME_SPEED = 1.02;

/** Metrics that are shares of samples. */
const SHARES = new Set(['top1', 'top5', 'agreement']);

/**
 * What a trial misses: a limit of the recipe, or where it sets none, more than {@link MAY_LOSE} of accuracy, labels or
 * signal, whichever was measured first. Null where it misses nothing.
 */
export function whatIsMissed(trial: ModeTrial, limits: readonly LimitResult[]): string | null {
  if (limits.length > 0) {
    const missed = limits.find(({ met }) => met === false);
    return missed ? `${missed.limit} is ${short(missed.got ?? 0)}, wanted ${missed.wanted}` : null;
  }
  const { accuracy, agreement, worstDb } = trial;
  if (accuracy && accuracy.fp32 !== null) {
    const { metric, fp32, int8, higherIsBetter } = accuracy;
    const lost = higherIsBetter ? fp32 - int8 : int8 - fp32;
    const most = SHARES.has(metric) ? MAY_LOSE.points : MAY_LOSE.error * Math.abs(fp32);
    return lost > most ? `${nameOf(accuracy)} goes from ${short(fp32)} to ${short(int8)}` : null;
  }
  if (agreement)
    return agreement.value < 1 - MAY_LOSE.labels
      ? `only ${short(agreement.value * 100)} % of the labels stay the same`
      : null;
  if (worstDb !== null && worstDb < MAY_LOSE.sqnrDb)
    return `its output keeps only ${short(worstDb)} dB of signal over noise`;
  return null;
}

/** The rule of {@link whatIsMissed} in a sentence. */
export function ruleOf(trials: readonly ModeTrial[], limits: readonly string[]): string {
  if (limits.length > 0) return `it must meet the limits of the recipe: ${limits.join(', ')}`;
  const measured = trials.find((t) => t.failure === null);
  if (measured?.accuracy && measured.accuracy.fp32 !== null) {
    const { metric, higherIsBetter } = measured.accuracy;
    const named = nameOf(measured.accuracy);
    return SHARES.has(metric)
      ? `it may lose ${MAY_LOSE.points * 100} point of ${named}`
      : `${named} may ${higherIsBetter ? 'fall' : 'grow'} by ${MAY_LOSE.error * 100} %`;
  }
  if (measured?.agreement)
    return `${100 - MAY_LOSE.labels * 100} % of the labels must stay the same`;
  return `its outputs must keep ${MAY_LOSE.sqnrDb} dB of signal over noise`;
}

/**
 * The mode that wins: of those that miss nothing the fastest, or of several that are equally fast the one closest to
 * FP32; `float32` where none is faster than that by more than measuring is sure of. Pure, so that it can be asked again.
 * @param fp32Misses what FP32 itself misses of the recipe's limits (its size, say); it cannot win then
 */
export function decide(
  trials: readonly ModeTrial[],
  fp32Misses: string | null = null,
): { winner: Mode; reason: string } {
  const { winner, reason } = decideAmong(trials, ({ mode }) => mode, 'mode', fp32Misses);
  return { winner: winner?.mode ?? 'float32', reason };
}

/**
 * The same for trials of any kind. @param nameOf how a trial is called, @param what what all of them are: in the reason
 * @returns the trial that wins, or null for FP32
 */
export function decideAmong<T extends ModeTrial>(
  trials: readonly T[],
  nameOf: (trial: T) => string,
  what: string,
  fp32Misses: string | null = null,
): { winner: T | null; reason: string } {
  const able = trials.filter((t) => t.failure === null && t.latency !== null);
  const good = able.filter((t) => t.misses === null);
  const speed = (t: T) => t.latency!.speedup;
  const faster = good.filter((t) => speed(t) >= FASTER_THAN);
  const others = (winner?: T) =>
    trials.filter((t) => t !== winner).map((t) => saidOf(t, nameOf(t)));
  const best = (of: readonly T[]) => {
    const top = Math.max(...of.map(speed));
    return of
      .filter((t) => speed(t) * SAME_SPEED >= top)
      .reduce((a, b) => ((b.worstDb ?? 0) > (a.worstDb ?? 0) ? b : a));
  };
  if (faster.length > 0) {
    const winner = best(faster);
    const won = `${nameOf(winner)} is ${ratio(winner)} as fast as FP32`;
    return { winner, reason: [won, ...others(winner)].join('; ') };
  }
  if (fp32Misses !== null && good.length > 0) {
    const winner = best(good);
    return {
      winner,
      reason: [
        `FP32 cannot stay: ${fp32Misses}`,
        `${nameOf(winner)} is not faster, ${ratio(winner)}`,
        ...others(winner),
      ].join('; '),
    };
  }
  const nothing = able.length === 0 ? `no ${what} could be measured` : 'none is faster here';
  return { winner: null, reason: [`FP32 stays: ${nothing}`, ...others()].join('; ') };
}

function saidOf(trial: ModeTrial, name: string): string {
  if (trial.failure) return `${name} cannot be written`;
  if (trial.misses !== null) return `${name} loses too much: ${trial.misses}`;
  return trial.latency ? `${name} ${ratio(trial)}` : `${name} was not timed`;
}

/** What a metric is called; results of older versions know none of the user's own. */
const nameOf = ({ metric, own }: AccuracyResult) => own?.name ?? metric;

const ratio = (trial: ModeTrial) => `${trial.latency!.speedup.toFixed(2)} ×`;

const short = (value: number) => String(Number(value.toPrecision(4)));
