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

/** How a trial falls short, as far as it was measured. */
export type Shortfall = Pick<ModeTrial, 'misses' | 'missed' | 'loses'>;

/**
 * How a trial falls short: the limits of the recipe that it misses, and where `keep` more than {@link MAY_LOSE} of accuracy,
 * labels or signal, whichever was measured first.
 * @param keep by default where the recipe sets no limits
 */
export function shortfallOf(
  trial: ModeTrial,
  limits: readonly LimitResult[],
  keep = limits.length === 0,
): Shortfall {
  const missed = limits.filter(({ met }) => met === false);
  const loses = keep ? whatIsLost(trial) : null;
  const words = [...missed.map(limitText), ...(loses === null ? [] : [loses])];
  return { misses: words.length > 0 ? words.join(', ') : null, missed, loses };
}

function whatIsLost({ accuracy, agreement, worstDb }: ModeTrial): string | null {
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

/** How a trial falls short, in a sentence after its name; null where it does not. */
export function shortfallText({ misses, missed = [], loses = misses }: Shortfall): string | null {
  const parts = [
    ...(missed.length > 0 ? [`misses ${limitsText(missed)}`] : []),
    ...(loses === null ? [] : [`loses too much: ${loses}`]),
  ];
  return parts.length > 0 ? parts.join(' and ') : null;
}

/** A limit that is missed: `size_ratio: 0.37 (at most 0.1)`. */
function limitText({ limit, wanted, got }: LimitResult): string {
  return `${limit}: ${short(got!)} (at ${got! > wanted ? 'most' : 'least'} ${wanted})`;
}

/** Limits that are missed, in a sentence. */
export const limitsText = (missed: readonly LimitResult[]) => missed.map(limitText).join(', ');

/** Fewer limits missed, or as many by less. */
export function isCloser(a: readonly LimitResult[], b: readonly LimitResult[]): boolean {
  const by = (all: readonly LimitResult[]) =>
    all.reduce(
      (sum, l) => sum + Math.abs(l.got! - l.wanted) / Math.max(Math.abs(l.wanted), 1e-9),
      0,
    );
  return a.length < b.length || (a.length === b.length && by(a) < by(b));
}

/** The rule of {@link shortfallOf} in a sentence. */
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
 * FP32; `float32` where none is faster than that by more than measuring is sure of. Where FP32 misses limits, too, one need
 * not be faster; and where nothing meets them, what misses none but those, by less, takes its place.
 * Pure, so that it can be asked again.
 * @param fp32Misses what FP32 itself misses of the recipe's limits (its size, say)
 */
export function decide(
  trials: readonly ModeTrial[],
  fp32Misses: readonly LimitResult[] = [],
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
  fp32Misses: readonly LimitResult[] = [],
): { winner: T | null; reason: string } {
  const winner = winnerAmong(trials, fp32Misses);
  return { winner, reason: reasonFor(winner, trials, nameOf, what, fp32Misses) };
}

function winnerAmong<T extends ModeTrial>(
  trials: readonly T[],
  fp32Misses: readonly LimitResult[],
): T | null {
  const able = trials.filter(wasMeasured);
  const good = able.filter((t) => t.misses === null);
  const best = (of: readonly T[]) => {
    const top = Math.max(...of.map(speed));
    return of
      .filter((t) => speed(t) * SAME_SPEED >= top)
      .reduce((a, b) => ((b.worstDb ?? 0) > (a.worstDb ?? 0) ? b : a));
  };
  const faster = good.filter(isFaster);
  if (faster.length > 0) return best(faster);
  if (fp32Misses.length > 0 && good.length > 0) return best(good);
  return closestOf(able, fp32Misses);
}

/** Why a trial, or FP32 where it is null, was taken of some, and what the others lack; see {@link decideAmong}. */
export function reasonFor<T extends ModeTrial>(
  winner: T | null,
  trials: readonly T[],
  nameOf: (trial: T) => string,
  what: string,
  fp32Misses: readonly LimitResult[] = [],
): string {
  const others = trials.filter((t) => t !== winner).map((t) => saidOf(t, nameOf(t)));
  const told = (...why: string[]) => [...why, ...others].join('; ');
  const fp32 = `FP32 misses ${limitsText(fp32Misses)}`;
  if (winner) {
    const name = nameOf(winner);
    if (winner.misses !== null)
      return told(`${name} comes closest to the limits: it misses ${winner.misses}`, fp32);
    const proof = winner.latency!.verdict === 'not proven' ? ', which is not proven' : '';
    if (isFaster(winner)) return told(`${name} is ${ratio(winner)} as fast as FP32${proof}`);
    return told(
      `FP32 cannot stay: it misses ${limitsText(fp32Misses)}`,
      `${name} is not faster, ${ratio(winner)}`,
    );
  }
  const able = trials.filter(wasMeasured);
  if (able.length === 0) return told(`FP32 stays: no ${what} could be measured`);
  const why = able.some(isFaster) ? 'none that is faster is good enough' : 'none is faster here';
  return told(`FP32 stays: ${why}`, ...(fp32Misses.length > 0 ? [`${fp32}, too`] : []));
}

const wasMeasured = (trial: ModeTrial) => trial.failure === null && trial.latency !== null;
const speed = (trial: ModeTrial) => trial.latency!.speedup;
const isFaster = (trial: ModeTrial) => speed(trial) >= FASTER_THAN;

/** Of the trials that miss no limit but those that FP32 misses, the one that misses them by least, if by less than FP32. */
function closestOf<T extends ModeTrial>(
  trials: readonly T[],
  fp32Misses: readonly LimitResult[],
): T | null {
  const names = new Set(fp32Misses.map(({ limit }) => limit));
  let closest: T | null = null;
  let least = fp32Misses;
  for (const trial of trials) {
    const { missed = [], misses, loses = misses } = trial;
    if (loses !== null || !missed.every(({ limit }) => names.has(limit))) continue;
    if (isCloser(missed, least)) [closest, least] = [trial, missed];
  }
  return closest;
}

function saidOf(trial: ModeTrial, name: string): string {
  if (trial.failure) return `${name} cannot be written`;
  const short = shortfallText(trial);
  if (short !== null) return `${name} ${short}`;
  return trial.latency ? `${name} ${ratio(trial)}` : `${name} was not timed`;
}

/** What a metric is called; results of older versions know none of the user's own. */
const nameOf = ({ metric, own }: AccuracyResult) => own?.name ?? metric;

const ratio = (trial: ModeTrial) => `${trial.latency!.speedup.toFixed(2)} ×`;

const short = (value: number) => String(Number(value.toPrecision(4)));
