import type { AccuracyResult, RunResult } from '../../src/protocol';
import { fixed, signed, significant } from './format';

/** A difference to FP32 as people read it. */
export interface Gap {
  /** Signed difference with its unit. */
  text: string;
  unit: 'pt' | 'dB' | '';
  low: string;
  high: string;
  /** Whether the quantized model is worse, better, or neither by the point estimate. */
  tone: 'worse' | 'better' | 'same';
}

/** Quantized − FP32 in points for shares, dB for SQNR, else three significant digits; null without FP32's value. */
export function accuracyGap(accuracy: AccuracyResult): Gap | null {
  if (accuracy.fp32 === null) return null;
  const share = accuracy.metric === 'top1' || accuracy.metric === 'agreement';
  const unit = share ? 'pt' : accuracy.metric === 'sqnr' ? 'dB' : '';
  const write = (value: number) => {
    if (share) return signed(value * 100, 1);
    if (unit === 'dB') return signed(value, 1);
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

/** A value of a metric as people read it, with its unit. */
export function metricValue(metric: AccuracyResult['metric'], value: number): string {
  if (metric === 'top1' || metric === 'agreement') return `${fixed(value * 100, 1)} %`;
  return metric === 'sqnr' ? `${fixed(value, 1)} dB` : significant(value);
}

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
