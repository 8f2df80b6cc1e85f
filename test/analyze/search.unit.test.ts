import { describe, expect, it } from 'vitest';
import {
  accuracyRule,
  closerHalf,
  rungsOf,
  surelyNotFaster,
  surelySlower,
  whyFloat32,
} from '../../src/analyze/search';
import type { LatencyResult, ModeTrial } from '../../src/results';

const timed = (speedup: number, low = speedup, high = speedup) =>
  ({ speedup, low, high }) as LatencyResult;
const trial = (more: Partial<ModeTrial>): ModeTrial => ({
  mode: 'static',
  failure: null,
  bytes: 1,
  int8MacShare: 1,
  worstDb: 30,
  accuracy: null,
  agreement: null,
  latency: timed(1.5),
  misses: null,
  ...more,
});

describe('samples of the comparisons', () => {
  it.each([
    [1, [1]],
    [63, [63]],
    [64, [16, 64]],
    [256, [16, 64, 256]],
    [1024, [64, 256, 1024]],
  ])('%i', (samples, rungs) => {
    expect(rungsOf(samples)).toEqual(rungs);
  });
});

describe('what goes on', () => {
  it('is the closer half, at least one and no more than wanted', () => {
    const trials = [20, 40, 10, 30, 25].map((worstDb) => trial({ worstDb }));
    const dbs = (of: ModeTrial[]) => of.map(({ worstDb }) => worstDb);
    expect(dbs(closerHalf(trials))).toEqual([40, 30, 25]);
    expect(dbs(closerHalf(trials, 2))).toEqual([40, 30]);
    expect(dbs(closerHalf(trials.slice(0, 1)))).toEqual([20]);
  });

  it('is judged by labels where no output is float', () => {
    const labels = [0.9, 0.99].map((value) =>
      trial({ worstDb: null, agreement: { value, n: 100 } }),
    );
    expect(closerHalf(labels)[0]).toBe(labels[1]);
  });

  it('is not what is slower beyond its interval', () => {
    expect(surelyNotFaster(trial({ latency: timed(0.5, 0.4, 0.6) }))).toBe(true);
    expect(surelyNotFaster(trial({ latency: timed(0.9, 0.7, 1.3) }))).toBe(false);
    expect(surelyNotFaster(trial({ latency: null }))).toBe(false);
    const fast = trial({ latency: timed(2, 1.8, 2.2) });
    expect(surelySlower(trial({ latency: timed(1.3, 1.2, 1.4) }), [fast])).toBe(true);
    expect(surelySlower(trial({ latency: timed(1.7, 1.2, 1.9) }), [fast])).toBe(false);
    // what loses too much beats nothing
    const lossy = { ...fast, misses: 'top1 goes from 0.9 to 0.1' };
    expect(surelySlower(trial({ latency: timed(1.3, 1.2, 1.4) }), [lossy])).toBe(false);
  });
});

describe('why FP32 stays', () => {
  const nameOf = (t: ModeTrial) => t.mode;

  it('tells slow from lossy', () => {
    const slow = trial({ latency: timed(0.45) });
    expect(whyFloat32([slow], nameOf)).toBe(
      'INT8 is not faster here, so FP32 stays: static is 0.45 × as fast',
    );
    const lossy = trial({ mode: 'dynamic', misses: 'top1 goes from 0.9 to 0.1' });
    expect(whyFloat32([slow, lossy], nameOf)).toMatch(/^what is faster here loses too much/);
    const missed = [{ limit: 'size_ratio', wanted: 0.1, got: 0.37, met: false }];
    const big = trial({ misses: 'size_ratio: 0.37 (at most 0.1)', missed, loses: null });
    expect(whyFloat32([slow, big], nameOf)).toBe(
      'what is faster here misses limits, so FP32 stays: static is 1.50 × as fast, and misses size_ratio: 0.37 (at most 0.1); static is 0.45 × as fast',
    );
    const failed = trial({ failure: { code: 'x.y', message: 'no' }, latency: null });
    expect(whyFloat32([failed], nameOf)).toMatch(/nothing could be measured/);
  });

  it('accuracy counts even where limits are silent about it', () => {
    expect(accuracyRule([])).toBeNull();
    expect(accuracyRule(['speedup', 'top1_drop'])).toBeNull();
    expect(accuracyRule(['size_ratio'])).toMatch(/point of accuracy/);
  });
});
