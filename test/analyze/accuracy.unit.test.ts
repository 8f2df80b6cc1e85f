/** What a metric is of two models, from the scores of the same samples. */
import { describe, expect, it } from 'vitest';
import { accuracyOf, gainOf } from '../../src/analyze/accuracy';
import { builtInMetric, type Metric } from '../../src/data';
import { pairsNeeded } from '../../src/numeric';

const mean = (scores: unknown[]) =>
  (scores as number[]).reduce((sum, x) => sum + x, 0) / scores.length;
/** A module's metric of a set. */
const own = (summarize: Metric['summarize'], more: Partial<Metric> = {}): Metric => ({
  ...builtInMetric('top1'),
  ...{ name: './m.mjs', own: { name: 'm', unit: '' }, summarize, file: '/r/m.mjs' },
  ...more,
});
const before = [1, 1, 0, 1, 0, 1, 1, 0];
const after = [1, 0, 0, 1, 0, 1, 1, 1];

describe('accuracyOf', () => {
  it('is the mean, with the interval of the difference', () => {
    const found = accuracyOf(builtInMetric('top1'), before, after)!;
    expect(found).toMatchObject({ metric: 'top1', own: null, fp32: 0.625, int8: 0.625, n: 8 });
    expect(found).toMatchObject({ unproven: true, labels: { lost: 1, gained: 1 } });
    expect(found.neededN).toBeNull();
    const worse = accuracyOf(builtInMetric('mse'), before, [...after.slice(0, 7), 2])!;
    expect(worse.neededN).toBe(pairsNeeded(before, [...after.slice(0, 7), 2]));
  });

  it('of labels is proven by the exact test alone, whatever the interval', () => {
    const labels = (lost: number, gained: number, n: number) => {
      const was = Array.from({ length: n }, (_, i) => (i < gained ? 0 : 1));
      const is = was.map((right, i) => (i < gained ? 1 : i >= n - lost ? 0 : right));
      return accuracyOf(builtInMetric('top1'), was, is)!;
    };
    // the bootstrap's interval leaves zero out, but chance alone does as much in one of thirteen cases
    const close = labels(19, 9, 480);
    expect(close.labels!.p).toBeGreaterThan(0.05);
    expect(close.unproven).toBe(true);
    expect(close.neededN).toBeGreaterThan(480);
    expect(labels(20, 5, 480)).toMatchObject({ unproven: false, neededN: null });
    // too few pairs disagree for the test to tell, however one-sided
    expect(labels(5, 0, 5)).toMatchObject({ unproven: true, neededN: 6 });
    expect(labels(3, 3, 480)).toMatchObject({ unproven: true, neededN: null });
  });

  it('is the same where a module summarizes to the mean, but for what is known of means alone', () => {
    const ours = accuracyOf(builtInMetric('top1'), before, after)!;
    const found = accuracyOf(own(mean), before, after)!;
    expect(found.low).toBeCloseTo(ours.low, 12);
    expect(found.high).toBeCloseTo(ours.high, 12);
    expect(found).toMatchObject({ fp32: 0.625, int8: 0.625, labels: null, neededN: null });
  });

  it('says nothing of FP32 where it is what is compared with', () => {
    expect(accuracyOf(own(null, { againstFp32: true }), before, after)).toMatchObject({
      ...{ fp32: null, int8: 0.625, neededN: null },
    });
  });

  it.each<[string, (scores: unknown[]) => number]>([
    ['of all samples', () => NaN],
    ['of too many resamples', (scores) => (new Set(scores).size > 1 ? mean(scores) : NaN)],
  ])('refuses a module that gives no number %s, unless they are a part', (_, summarize) => {
    const rare = [1, 0, 0, 0, 0, 0, 0, 0];
    expect(() => accuracyOf(own(summarize), rare, rare)).toThrow(
      expect.objectContaining({
        code: 'metric.bad-score',
        place: { file: '/r/m.mjs', remedy: expect.any(String) },
      }),
    );
    expect(accuracyOf(own(summarize), rare, rare, true)).toBeNull();
  });
});

describe('gainOf', () => {
  it('is positive where the metric gets better, whichever way that is', () => {
    const [low, high] = [Array<number>(50).fill(1), Array<number>(50).fill(3)];
    const up = gainOf(own(null), low, high);
    const down = gainOf(own(null, { higherIsBetter: false }), high, low);
    expect(up).toEqual({ value: 2, low: 2, high: 2, n: 50, unproven: false, neededN: null });
    expect(down).toEqual(up);
    const scattered = gainOf(own(null, { higherIsBetter: false }), before, after);
    expect(scattered.low).toBeLessThanOrEqual(scattered.high);
    expect(scattered.unproven).toBe(true);
  });
});
