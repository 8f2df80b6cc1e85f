import fc from '../lib/property';
import { describe, expect, it } from 'vitest';
import { FloatBitsHistogram } from '../../src/numeric/histogram';
import { Random } from '../../src/numeric/random';
import { anyFloats, tameFloats } from './arrays';

const of = (...x: number[]) => new FloatBitsHistogram().add(Float32Array.from(x));
const sum = (x: number[]) => x.reduce((a, b) => a + b, 0);

describe('a histogram of float bits', () => {
  it('of two halves merges exactly to that of the whole, in any order', () => {
    fc.assert(
      fc.property(anyFloats, fc.nat(200), (values, cut) => {
        const whole = new FloatBitsHistogram().add(values).toData();
        const left = new FloatBitsHistogram().add(values.subarray(0, cut));
        const right = new FloatBitsHistogram().add(values.subarray(cut));
        const swapped = FloatBitsHistogram.fromData(right.toData()).merge(left);
        expect(left.merge(right).toData()).toEqual(whole);
        expect(swapped.toData()).toEqual(whole);
        const reversed = new FloatBitsHistogram().add(values.slice().reverse());
        expect(reversed.toData()).toEqual(whole);
      }),
    );
  });

  it('goes through JSON', () => {
    fc.assert(
      fc.property(anyFloats, (values) => {
        const data = new FloatBitsHistogram().add(values).toData();
        const copy = FloatBitsHistogram.fromData(JSON.parse(JSON.stringify(data)));
        expect(copy.toData().bins).toEqual(data.bins);
        expect(copy.toData().counts).toEqual(data.counts);
        expect(copy.total).toBe(values.length);
      }),
    );
  });

  it('keeps NaNs and infinities apart', () => {
    const histogram = of(1, NaN, -Infinity, Infinity, -2, NaN);
    expect(histogram.nan).toBe(2);
    expect(histogram.infinite).toBe(2);
    expect(histogram.finite).toBe(2);
    expect([histogram.min, histogram.max]).toEqual([-2, 1]);
  });

  it('has intervals that hold their values, in ascending order', () => {
    fc.assert(
      fc.property(tameFloats, (values) => {
        const sorted = values.slice().sort();
        let seen = 0;
        let last = -Infinity;
        new FloatBitsHistogram().add(values).forEach((low, high, count) => {
          expect(low).toBeLessThanOrEqual(sorted[seen]!);
          expect(high).toBeGreaterThanOrEqual(sorted[seen + count - 1]!);
          expect(low).toBeGreaterThanOrEqual(last);
          last = high;
          seen += count;
        });
        expect(seen).toBe(values.length);
      }),
    );
  });

  it('conserves the total when binned for display', () => {
    fc.assert(
      fc.property(
        tameFloats,
        fc.tuple(fc.integer({ min: -100, max: 100 }), fc.nat(1000)),
        fc.integer({ min: 1, max: 80 }),
        (values, [low, width], n) => {
          const histogram = new FloatBitsHistogram().add(values);
          const { edges, counts, below, above } = histogram.rebin(low, low + width, n);
          expect(edges).toHaveLength(n + 1);
          expect(counts).toHaveLength(n);
          expect(below + sum(counts) + above).toBe(values.length);
          expect(Math.min(below, above, ...counts)).toBeGreaterThanOrEqual(0);
          if (values.length) {
            const all = histogram.rebin(histogram.min, histogram.max, n);
            expect([all.below, all.above]).toEqual([0, 0]);
          }
        },
      ),
    );
  });

  it('shows the shape of a distribution', () => {
    const random = new Random(3);
    const values = Float32Array.from({ length: 100_000 }, () => random.normal());
    const { counts } = new FloatBitsHistogram().add(values).rebin(-4, 4, 16);
    for (let k = 0; k < 16; k++) {
      const exact = values.filter((x) => x >= -4 + k / 2 && x < -3.5 + k / 2).length;
      expect(Math.abs(counts[k]! - exact)).toBeLessThan(0.02 * exact + 10);
    }
  });

  it('puts zeros and constants where they belong', () => {
    expect(of(0, 0, -0).rebin(-1, 1, 4).counts).toEqual([0, 0, 3, 0]);
    expect(of(5, 5).rebin(5, 5, 2)).toMatchObject({ counts: [2, 0], below: 0, above: 0 });
    expect(of(1, 2, 3).rebin(10, 20, 2)).toMatchObject({ counts: [0, 0], below: 3 });
    expect(() => of(1).rebin(2, 1, 3)).toThrow(RangeError);
    expect(() => of(1).rebin(NaN, 1, 3)).toThrow(RangeError);
  });

  it('has quantiles right to a bin', () => {
    const random = new Random(1);
    const values = Float32Array.from({ length: 20_000 }, () => random.normal() * 3);
    const histogram = new FloatBitsHistogram().add(values);
    const sorted = values.slice().sort();
    for (const p of [0, 0.001, 0.1, 0.5, 0.9, 0.999, 1]) {
      const exact = sorted[Math.min(19_999, Math.floor(p * 20_000))]!;
      expect(Math.abs(histogram.quantile(p) - exact)).toBeLessThan(Math.abs(exact) / 16 + 0.02);
    }
    expect(histogram.quantile(1)).toBe(sorted.at(-1));
    expect(of(NaN).quantile(0.5)).toBeNaN();
  });

  it('knows what a range would clip', () => {
    expect(of(1, 2, 3, 4).shareOutside(0, 2.5)).toBe(0.5);
    expect(of(1, 2, 3, 4).shareOutside(1, 4)).toBe(0);
    expect(of().shareOutside(0, 1)).toBe(0);
  });
});
