import type { RangeSummary, RunResult } from '../../src/protocol';

/** A range that half of the samples would leave this much narrower still grows. */
const GROWS = 0.02;
/** This share of a tensor's values outside its range is worth a row. */
const OUTSIDE = 0.001;
/** Rows at most. */
const MOST = 8;

/** Ranges that the calibration data leaves in doubt: not finite first, then by what they miss. */
export function doubtfulRanges({ ranges }: Pick<RunResult, 'ranges'>): RangeSummary[] {
  const missed = (r: RangeSummary) => Math.max(r.growth ?? 0, r.outOfRange ?? 0);
  return ranges
    .filter((r) => r.notFinite > 0 || (r.growth ?? 0) > GROWS || (r.outOfRange ?? 0) >= OUTSIDE)
    .sort((a, b) => b.notFinite - a.notFinite || missed(b) - missed(a))
    .slice(0, MOST);
}
