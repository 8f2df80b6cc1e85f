/** What a metric is of two models on the same samples. */
import type { Labels, Metric } from '../data';
import { VernierError } from '../errors';
import {
  mcnemar,
  outcomesNeeded,
  pairedBootstrap,
  pairedBootstrapOf,
  pairsNeeded,
} from '../numeric';
import type { AccuracyResult, MetricName, PairedGain } from '../results';

/** Draws behind the interval of a metric that is no mean; */
const RESAMPLES = 2000;
/** it may leave out this share of them, that have no metric (all are of one class, say). */
const MAY_LEAVE = 0.05;

/**
 * The metric that labels ask for where the recipe names none: `top1` for classes, `mse` for targets, none
 * without labels.
 */
export function metricFor(wanted: MetricName | null, labels: Labels | null): MetricName | null {
  return wanted ?? (labels ? (labels.kind === 'class' ? 'top1' : 'mse') : null);
}

/**
 * The metric before and after, and the interval of its difference, from the scores of the same samples.
 * @param part they are those of a part of the samples, which may be too few to have a metric
 * @returns null for such a part
 * @throws VernierError `metric.*` where a module's metric of all samples, or of too many resamples of them, is no number.
 */
export function accuracyOf(
  metric: Metric,
  before: readonly unknown[],
  after: readonly unknown[],
  part = false,
): AccuracyResult | null {
  const difference = compared(metric, before, after);
  if ('why' in difference) {
    if (part) return null;
    throw difference.why;
  }
  return {
    metric: metric.name,
    own: metric.own,
    fp32: metric.againstFp32 ? null : difference.before,
    int8: difference.after,
    low: difference.low,
    high: difference.high,
    n: before.length,
    higherIsBetter: metric.higherIsBetter,
    unproven: difference.unproven,
    labels: metric.name === 'top1' ? discordance(before, after) : null,
    neededN: metric.againstFp32 ? null : difference.neededN,
  };
}

/**
 * By how much a metric is better after than before, from the scores of the same samples, with the interval of that gain.
 * Throws what {@link accuracyOf} throws.
 */
export function gainOf(
  metric: Metric,
  before: readonly unknown[],
  after: readonly unknown[],
): PairedGain {
  const found = compared(metric, before, after);
  if ('why' in found) throw found.why;
  const change = found.after - found.before;
  const { unproven, neededN } = found;
  const rest = { n: before.length, unproven, neededN };
  return metric.higherIsBetter
    ? { value: change, low: found.low, high: found.high, ...rest }
    : { value: -change, low: -found.high, high: -found.low, ...rest };
}

interface Compared {
  before: number;
  after: number;
  /** Interval of after − before. */
  low: number;
  high: number;
  unproven: boolean;
  neededN: number | null;
}

/** Or why there is nothing to compare. */
function compared(
  metric: Metric,
  before: readonly unknown[],
  after: readonly unknown[],
): Compared | { why: VernierError } {
  if (metric.summarize) return summarized(metric, metric.summarize, before, after);
  const [a, b] = [before as readonly number[], after as readonly number[]];
  if (OUTCOMES.has(metric.name)) return outcomes(a, b);
  const { low, high } = pairedBootstrap(a, b);
  const unproven = hasZero(low, high);
  const neededN = unproven ? pairsNeeded(a, b) : null;
  return { before: mean(a), after: mean(b), low, high, unproven, neededN };
}

/** Metrics that are right or wrong of each sample, 1 or 0: the exact test decides what is proven, as it says how likely chance is. */
const OUTCOMES: ReadonlySet<string> = new Set(['top1', 'top5', 'agreement']);
/** Chance that is proof enough. */
const PROVEN_BELOW = 0.05;

function outcomes(before: readonly number[], after: readonly number[]): Compared {
  const { low, high } = pairedBootstrap(before, after);
  const changes = discordance(before, after);
  const unproven = changes.p >= PROVEN_BELOW;
  const neededN = unproven ? outcomesNeeded(changes, before.length) : null;
  return { before: mean(before), after: mean(after), low, high, unproven, neededN };
}

const isRight = (score: unknown) => score === 1;
const discordance = (before: readonly unknown[], after: readonly unknown[]) =>
  mcnemar(before.map(isRight), after.map(isRight));

function summarized(
  { file }: Metric,
  summarize: NonNullable<Metric['summarize']>,
  before: readonly unknown[],
  after: readonly unknown[],
): Compared | { why: VernierError } {
  const why = (message: string, remedy: string) => ({
    why: new VernierError('metric.bad-score', message, { file: file ?? undefined, remedy }),
  });
  const n = before.length;
  const [a, b] = [summarize([...before]), summarize([...after])];
  if (!Number.isFinite(a) || !Number.isFinite(b))
    return why(
      `summarize gave ${Number.isFinite(a) ? b : a} for all ${n} samples.`,
      'Let it return a finite number, or evaluate on samples that have one.',
    );
  const { low, high, left } = pairedBootstrapOf(before, after, summarize, { resamples: RESAMPLES });
  if (left > MAY_LEAVE * RESAMPLES)
    return why(
      `summarize gave no number for ${left} of ${RESAMPLES} resamples of the ${n} samples, so that there is no interval.`,
      'Evaluate on more samples, or let it return a finite number for any of them.',
    );
  // how many samples would be needed is known of means alone
  return { before: a, after: b, low, high, unproven: hasZero(low, high), neededN: null };
}

const hasZero = (low: number, high: number) => low <= 0 && high >= 0;

const mean = (values: readonly number[]) => values.reduce((s, x) => s + x, 0) / values.length;
