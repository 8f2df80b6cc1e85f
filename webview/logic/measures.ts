import type { AccuracyResult, BuiltInMetric, RunResult } from '../../src/protocol';
import type { Params } from '../l10n/phrase';
import { fixed, signed, significant } from './format';

/** A difference to FP32 as people read it. */
export interface Gap {
  /** Signed difference with its unit. */
  text: string;
  /** `pt`, `dB`, that of a metric of the user's own, or none. */
  unit: string;
  low: string;
  high: string;
  /** Whether the quantized model is worse, better, or neither by the point estimate. */
  tone: 'worse' | 'better' | 'same';
}

/** Quantized − FP32 in points for shares, dB for SQNR, else three significant digits; null without FP32's value. */
export function accuracyGap(accuracy: AccuracyResult): Gap | null {
  if (accuracy.fp32 === null) return null;
  const share = isShare(accuracy.metric);
  const decibels = accuracy.metric === 'sqnr';
  const unit = share ? 'pt' : decibels ? 'dB' : (accuracy.own?.unit ?? '');
  const write = (value: number) => {
    if (share) return signed(value * 100, 1);
    if (decibels) return signed(value, 1);
    return value > 0 ? `+${significant(value)}` : significant(value);
  };
  const gap = accuracy.int8 - accuracy.fp32;
  const good = accuracy.higherIsBetter ? gap : -gap;
  return {
    text: write(gap),
    unit,
    low: write(accuracy.low),
    high: write(accuracy.high),
    // a gain that is not proven is no news; a loss that is not proven still may be one
    tone: good < 0 ? 'worse' : good > 0 && !accuracy.unproven ? 'better' : 'same',
  };
}

const SHARES: ReadonlySet<AccuracyResult['metric']> = new Set(['top1', 'top5', 'agreement']);
const isShare = (metric: AccuracyResult['metric']) => SHARES.has(metric);

/** A value of a metric as people read it, with its unit. */
export function metricValue({ metric, own }: MetricOf, value: number): string {
  if (isShare(metric)) return `${fixed(value * 100, 1)} %`;
  if (metric === 'sqnr') return `${fixed(value, 1)} dB`;
  return own?.unit ? `${significant(value)} ${own.unit}` : significant(value);
}

/** What a metric is called: a text of ours, or the name that a module gives itself. */
export function metricName({ metric, own }: MetricOf): Params[string] {
  // results of older versions know none of the user's own
  return own?.name ?? { text: metricKey(metric) };
}

/** The text that names one of our metrics. */
export function metricKey(metric: AccuracyResult['metric']) {
  return `metric.${metric as BuiltInMetric}` as const;
}

type MetricOf = Pick<AccuracyResult, 'metric' | 'own'>;

/** The output that is furthest from FP32. */
export function worstOutput(
  result: RunResult | null,
): { name: string; db: number; of: number } | null {
  const all = Object.entries(result?.sqnrDb ?? {});
  const worst = all.sort(([, a], [, b]) => a - b)[0];
  return worst ? { name: worst[0], db: worst[1], of: all.length } : null;
}

/** Random data anywhere behind what is shown: the badge stands in every view. */
export function isRandom(result: RunResult | null, recipe: { random: boolean }): boolean {
  return result?.calibration ? result.calibration.random : recipe.random;
}
