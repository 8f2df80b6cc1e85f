import { describe, expect, it } from 'vitest';
import type { RangeSummary } from '../../src/results';
import { doubtfulRanges } from '../../webview/logic/calibration';
import { runResult } from '../fixtures/result';

describe('doubtful ranges', () => {
  it('are those that are not finite, grow or miss values, the worst first', () => {
    const [range] = runResult().ranges;
    const of = (tensor: string, changes: Partial<RangeSummary>): RangeSummary => ({
      ...range!,
      tensor,
      growth: null,
      outOfRange: null,
      notFinite: 0,
      ...changes,
    });
    const ranges = [
      of('fine', { growth: 0.01, outOfRange: 0.0001 }),
      of('grows', { growth: 0.05 }),
      of('misses', { growth: 0, outOfRange: 0.2 }),
      of('nan', { notFinite: 1 }),
    ];
    expect(doubtfulRanges({ ranges }).map((r) => r.tensor)).toEqual(['nan', 'misses', 'grows']);
  });
});
