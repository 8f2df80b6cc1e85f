/** What pairs of times amount to. */
import { describe, expect, it } from 'vitest';
import { latencyResult } from '../../src/analyze/latency';

describe('the verdict on a speed-up', () => {
  const pairs = (...ratios: number[]) => {
    const reference = Array.from({ length: 40 }, (_, i) => ratios[i % ratios.length]!);
    return { reference, candidate: reference.map(() => 1), threads: 1 };
  };

  it.each([
    ['faster', [pairs(1.3, 1.31)]],
    // by the median of all, but one of the processes says the opposite
    ['not proven', [pairs(1.3), pairs(1.3), pairs(0.9)]],
    ['not faster here', [pairs(1.01)]],
    ['not faster here', [pairs(0.5)]],
  ] as const)('%s', (verdict, runs) => {
    expect(latencyResult(runs).verdict).toBe(verdict);
  });
});
