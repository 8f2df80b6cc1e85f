import { medianRatioBootstrap, quantileOfSorted } from '../numeric';
import type { LatencyPairs } from '../runtime/latency';
import type { LatencyResult } from '../results';

/** Below this speed-up the verdict is *not faster here* (DESIGN §4.18). */
export const FASTER_THAN = 1.02;

/**
 * Medians, percentiles, the median ratio of all pairs, and the verdict. The interval holds the bootstrap intervals of
 * every process: sessions of one process share their luck with memory and threads.
 * @param runs pairs of one process each, at least one
 */
export function latencyResult(runs: readonly LatencyPairs[]): LatencyResult {
  const all = {
    reference: runs.flatMap((r) => r.reference),
    candidate: runs.flatMap((r) => r.candidate),
  };
  const ratio = medianRatioBootstrap(all.reference, all.candidate);
  const each = runs.map((r) => medianRatioBootstrap(r.reference, r.candidate));
  const low = Math.min(ratio.low, ...each.map((e) => e.low));
  const sorted = (values: number[]) => Float64Array.from(values).sort();
  const [fp32, int8] = [sorted(all.reference), sorted(all.candidate)];
  return {
    fp32Ms: quantileOfSorted(fp32, 0.5),
    int8Ms: quantileOfSorted(int8, 0.5),
    speedup: ratio.value,
    low,
    high: Math.max(ratio.high, ...each.map((e) => e.high)),
    fp32P50: quantileOfSorted(fp32, 0.5),
    fp32P99: quantileOfSorted(fp32, 0.99),
    int8P50: quantileOfSorted(int8, 0.5),
    int8P99: quantileOfSorted(int8, 0.99),
    threads: runs[0]!.threads,
    pairs: all.reference.length,
    verdict: speedVerdict(ratio.value, low),
    profile: null,
  };
}

/** What a speed-up amounts to: it is proven where its interval, which begins at `low`, leaves 1 out (DESIGN §5). */
function speedVerdict(speedup: number, low: number): LatencyResult['verdict'] {
  if (speedup < FASTER_THAN) return 'not faster here';
  return low > 1 ? 'faster' : 'not proven';
}
