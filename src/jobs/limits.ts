import type { LimitName } from '../recipe/defaults';
import type { LimitResult, RunResult } from '../results';

type Limits = Partial<Record<LimitName, number>>;

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
export function checkLimits(limits: Limits, result: RunResult): LimitResult[] {
  return checkNumbers(limits, (name) => LIMITS[name].of(result));
}

/** The same from numbers. @param of what a limit is about; null where that was not measured */
export function checkNumbers(
  limits: Limits,
  of: (name: LimitName) => number | null,
): LimitResult[] {
  return Object.entries(limits).map(([limit, wanted]) => {
    const name = limit as LimitName;
    const got = of(name);
    const met = got === null ? null : LIMITS[name].atMost ? got <= wanted : got >= wanted;
    return { limit, wanted, got, met };
  });
}
