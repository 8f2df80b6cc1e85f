import { medianRatioBootstrap, quantileOfSorted } from '../numeric';
import type { LatencyPairs } from '../runtime/latency';
import type { LatencyResult } from '../results';

/** Below this speed-up the verdict is *not faster here* (DESIGN §4.18). */
export const FASTER_THAN = 1.02;

/** Medians, percentiles, the median ratio of the pairs with its interval, and the verdict. */
export function latencyResult(pairs: LatencyPairs): LatencyResult {
  const ratio = medianRatioBootstrap(pairs.reference, pairs.candidate);
  const sorted = (values: number[]) => Float64Array.from(values).sort();
  const [fp32, int8] = [sorted(pairs.reference), sorted(pairs.candidate)];
  return {
    fp32Ms: quantileOfSorted(fp32, 0.5),
    int8Ms: quantileOfSorted(int8, 0.5),
    speedup: ratio.value,
    low: ratio.low,
    high: ratio.high,
    fp32P50: quantileOfSorted(fp32, 0.5),
    fp32P99: quantileOfSorted(fp32, 0.99),
    int8P50: quantileOfSorted(int8, 0.5),
    int8P99: quantileOfSorted(int8, 0.99),
    threads: pairs.threads,
    pairs: pairs.reference.length,
    verdict: ratio.value >= FASTER_THAN ? 'faster' : 'not faster here',
  };
}
