import fc, { runs } from '../lib/property';
import { describe, expect, it } from 'vitest';
import {
  medianRatioBootstrap,
  pairedBootstrap,
  pairedBootstrapOf,
} from '../../src/numeric/bootstrap';
import { Random } from '../../src/numeric/random';
import { tameFloat } from './arrays';

describe('the paired bootstrap', () => {
  it('finds the interval of a mean', () => {
    const random = new Random(5);
    const before = Array.from({ length: 2000 }, () => random.normal());
    const after = before.map((x) => x + 0.2 + 0.5 * random.normal());
    const { value, low, high, n } = pairedBootstrap(before, after);
    const error = 0.5 / Math.sqrt(2000);
    expect(n).toBe(2000);
    expect(value).toBeCloseTo(0.2, 1);
    expect(low).toBeCloseTo(value - 1.96 * error, 2);
    expect(high).toBeCloseTo(value + 1.96 * error, 2);
  });

  it('covers the truth about as often as it says', () => {
    const random = new Random(11);
    let covered = 0;
    for (let t = 0; t < 200; t++) {
      const after = Array.from({ length: 60 }, () => random.normal());
      const { low, high } = pairedBootstrap(new Float64Array(60), after, {
        resamples: 400,
        seed: t,
      });
      if (low <= 0 && 0 <= high) covered++;
    }
    expect(covered).toBeGreaterThan(178);
    expect(covered).toBeLessThan(199);
  });

  it('is the same twice, and turns with the order of the two', () => {
    const values = fc.array(fc.tuple(tameFloat, tameFloat), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(values, (pairs) => {
        const a = pairs.map(([x]) => x);
        const b = pairs.map(([, y]) => y);
        const one = pairedBootstrap(a, b, { resamples: 50 });
        expect(pairedBootstrap(a, b, { resamples: 50 })).toEqual(one);
        const other = pairedBootstrap(b, a, { resamples: 50 });
        expect(other.value).toBeCloseTo(-one.value, 6);
        expect(other.low).toBeCloseTo(-one.high, 6);
      }),
      { numRuns: runs(30) },
    );
  });

  it.each([
    ['no difference', [1, 0, 1], [1, 0, 1], { value: 0, low: 0, high: 0, n: 3 }],
    ['one pair', [1], [0], { value: -1, low: -1, high: -1, n: 1 }],
    ['nothing', [], [], { value: NaN, low: NaN, high: NaN, n: 0 }],
  ])('%s', (_, before, after, expected) => {
    expect(pairedBootstrap(before, after)).toEqual(expected);
  });

  it('refuses what is not paired', () => {
    expect(() => pairedBootstrap([1], [1, 2])).toThrow(RangeError);
  });

  it('takes no time that anyone would notice', () => {
    const values = Float64Array.from({ length: 5000 }, (_, i) => i % 2);
    const start = performance.now();
    pairedBootstrap(values, values);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe('the bootstrap of a median ratio', () => {
  it('is not misled by slow moments that hit both', () => {
    const random = new Random(9);
    const slow = Array.from({ length: 101 }, () => (random.below(5) === 0 ? 10 : 1));
    const fp32 = slow.map((s) => 3 * s * (1 + 0.01 * random.normal()));
    const int8 = slow.map((s) => 2 * s * (1 + 0.01 * random.normal()));
    const { value, low, high } = medianRatioBootstrap(fp32, int8);
    expect(value).toBeCloseTo(1.5, 1);
    expect(low).toBeGreaterThan(1.48);
    expect(high).toBeLessThan(1.52);
    expect(low).toBeLessThanOrEqual(value);
    expect(high).toBeGreaterThanOrEqual(value);
  });

  it.each([
    ['odd', [3, 1, 2], 2],
    ['even', [4, 1, 2, 3], 2.5],
    ['one', [7], 7],
    ['none', [], NaN],
  ])('takes the median of an %s number', (_, ratios, median) => {
    expect(medianRatioBootstrap(ratios, new Array<number>(ratios.length).fill(1)).value).toBe(
      median,
    );
  });
});

describe('the paired bootstrap of any statistic', () => {
  const random = new Random(3);
  const before = Array.from({ length: 40 }, () => random.normal());
  const after = before.map((x) => x + 0.1 * random.normal());
  const mean = (values: number[]) => values.reduce((s, x) => s + x, 0) / values.length;

  it('is that of a mean, for a mean', () => {
    const { left, ...found } = pairedBootstrapOf(before, after, mean);
    const wanted = pairedBootstrap(before, after);
    expect(left).toBe(0);
    for (const key of ['value', 'low', 'high', 'n'] as const)
      expect(found[key]).toBeCloseTo(wanted[key], 12);
  });

  it('takes the same items of both', () => {
    const same = pairedBootstrapOf(before, before, (values) => Math.max(...values));
    expect(same).toEqual({ value: 0, low: 0, high: 0, n: 40, left: 0 });
  });

  it('leaves out what has no statistic, and counts it', () => {
    const rare = [1, 0, 0];
    const share = (values: number[]) => (values.includes(1) ? 1 : NaN);
    const { left, low } = pairedBootstrapOf(rare, rare, share, { resamples: 1000 });
    // (2/3)³ of the draws have none
    expect(left / 1000).toBeCloseTo(8 / 27, 1);
    expect(low).toBe(0);
    expect(pairedBootstrapOf([0], [0], share).low).toBeNaN();
  });
});
