/** What a search goes on with and what it drops, by what was measured so far. Pure. */
import type { ModeTrial } from '../results';
import { MAY_LOSE, shortfallText } from './choose';
import { FASTER_THAN } from './latency';

/** The first comparison is on no fewer samples than these, */
const FEWEST_SAMPLES = 16;
/** each later one on so many times as many, */
const GROWTH = 4;
/** and there are at most so many. */
const MOST_RUNGS = 3;

/** Numbers of samples that candidates are compared on, one comparison after the other; the last is all of them. */
export function rungsOf(samples: number): number[] {
  const rungs = [samples];
  while (rungs.length < MOST_RUNGS && rungs[0]! / GROWTH >= FEWEST_SAMPLES)
    rungs.unshift(Math.ceil(rungs[0]! / GROWTH));
  return rungs;
}

/** How close a trial comes to FP32: the lowest SQNR of an output, or where none is float the share of equal labels. */
export function closenessOf({ worstDb, agreement }: Pick<ModeTrial, 'worstDb' | 'agreement'>) {
  return worstDb ?? agreement?.value ?? -Infinity;
}

/** True where even the upper end of the interval is no speed-up: nor will other values in the same kernels be one. */
export function surelyNotFaster({ latency }: Pick<ModeTrial, 'latency'>): boolean {
  return latency !== null && latency.high < FASTER_THAN;
}

/** True where one that misses nothing is faster beyond both intervals. */
export function surelySlower(trial: ModeTrial, others: readonly ModeTrial[]): boolean {
  const { latency } = trial;
  if (!latency) return false;
  return others.some((o) => o.misses === null && o.latency && o.latency.low > latency.high);
}

/**
 * Those of trials that run the same kernels which go on to a comparison on more samples: the closer half, at least one.
 * @param most and at most so many
 */
export function closerHalf<T extends ModeTrial>(trials: readonly T[], most = Infinity): T[] {
  const order = [...trials].sort((a, b) => closenessOf(b) - closenessOf(a));
  return order.slice(0, Math.max(1, Math.min(most, Math.ceil(order.length / 2))));
}

/** A rule in a sentence for recipes whose limits say nothing of accuracy. */
export function accuracyRule(limits: readonly string[]): string | null {
  if (limits.length === 0 || limitsAccuracy(limits)) return null;
  return `and lose no more than ${MAY_LOSE.points * 100} point of accuracy, ${MAY_LOSE.labels * 100} % of the labels, or all but ${MAY_LOSE.sqnrDb} dB of signal over noise, whichever is measured`;
}

const ACCURACY_LIMITS: ReadonlySet<string> = new Set([
  'top1_drop',
  'metric_drop',
  'sqnr_db',
  'max_abs',
]);

/** True where names of limits say what a model may lose. */
export function limitsAccuracy(limits: readonly string[]): boolean {
  return limits.some((name) => ACCURACY_LIMITS.has(name));
}

/** Why FP32 stays, by what was faster and what was good enough. */
export function whyFloat32<T extends ModeTrial>(
  trials: readonly T[],
  nameOf: (trial: T) => string,
): string {
  const timed = trials.filter((t) => t.failure === null && t.latency !== null);
  if (timed.length === 0) return 'FP32 stays: nothing could be measured';
  const speed = (t: T) => t.latency!.speedup;
  const told = [...timed]
    .sort((a, b) => speed(b) - speed(a))
    .map((t) => {
      const short = shortfallText(t);
      return `${nameOf(t)} is ${speed(t).toFixed(2)} × as fast${short === null ? '' : `, and ${short}`}`;
    });
  const faster = timed.filter((t) => speed(t) >= FASTER_THAN);
  const lacks = faster.some(({ missed }) => missed?.length) ? 'misses limits' : 'loses too much';
  const head =
    faster.length === 0
      ? 'INT8 is not faster here, so FP32 stays'
      : `what is faster here ${lacks}, so FP32 stays`;
  return `${head}: ${told.join('; ')}`;
}
