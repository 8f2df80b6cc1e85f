import type { LimitName } from '../recipe/defaults';
import type { LimitResult, RunResult } from '../results';

/** How each limit is measured, and which side of it is good. */
const LIMITS: Record<LimitName, { of(result: RunResult): number | null; atMost: boolean }> = {
  top1_drop: {
    of: ({ accuracy }) =>
      accuracy?.metric === 'top1' && accuracy.fp32 !== null ? accuracy.fp32 - accuracy.int8 : null,
    atMost: true,
  },
  metric_drop: {
    of: ({ accuracy }) => {
      if (!accuracy || accuracy.fp32 === null) return null;
      const gain = accuracy.int8 - accuracy.fp32;
      return accuracy.higherIsBetter ? -gain : gain;
    },
    atMost: true,
  },
  p50_ms: { of: ({ latency }) => latency?.int8P50 ?? null, atMost: true },
  p99_ms: { of: ({ latency }) => latency?.int8P99 ?? null, atMost: true },
  size_ratio: { of: ({ size }) => (size ? size.int8 / size.fp32 : null), atMost: true },
  speedup: { of: ({ latency }) => latency?.speedup ?? null, atMost: false },
  sqnr_db: {
    of: ({ sqnrDb }) => {
      const values = Object.values(sqnrDb);
      return values.length > 0 ? Math.min(...values) : null;
    },
    atMost: false,
  },
  max_abs: {
    of: ({ outputs }) => (outputs.length > 0 ? Math.max(...outputs.map((o) => o.maxAbs)) : null),
    atMost: true,
  },
};

/** Decides the recipe's limits by the point estimates; `met` is null where the number was not measured. */
export function checkLimits(
  limits: Partial<Record<LimitName, number>>,
  result: RunResult,
): LimitResult[] {
  return Object.entries(limits).flatMap(([name, wanted]) => {
    const limit = LIMITS[name as LimitName];
    const got = limit.of(result);
    const met = got === null ? null : limit.atMost ? got <= wanted : got >= wanted;
    return [{ limit: name, wanted, got, met }];
  });
}
