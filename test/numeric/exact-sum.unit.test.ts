import fc from '../lib/property';
import { describe, expect, it } from 'vitest';
import { ExactMoments, ExactSum, Moments } from '../../src/numeric';
import { tameFloats } from './arrays';

const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const sumOf = (...terms: number[]) => terms.reduce((sum, x) => sum.add(x), new ExactSum());

describe('an exact sum', () => {
  it('of one double is that double, over one', () => {
    fc.assert(
      fc.property(finite, (x) => {
        expect(sumOf(x).over(1)).toBe(x + 0);
      }),
    );
  });

  it('does not depend on order or grouping, and cancels to nothing', () => {
    fc.assert(
      fc.property(fc.array(finite, { maxLength: 20 }), fc.nat(20), (terms, cut) => {
        const whole = sumOf(...terms).toString();
        expect(sumOf(...terms.slice().reverse()).toString()).toBe(whole);
        const [left, right] = [sumOf(...terms.slice(0, cut)), sumOf(...terms.slice(cut))];
        expect(right.merge(left).toString()).toBe(whole);
        expect(
          sumOf(...terms)
            .minus(sumOf(...terms))
            .toString(),
        ).toBe('0@0');
      }),
    );
  });

  it('keeps what doubles lose', () => {
    expect(sumOf(1e300, 1, -1e300).over(1)).toBe(1);
    expect(new ExactSum().add(0.1, 0.1).over(1)).toBe(0.1 * 0.1);
    expect(sumOf(1, 1).over(3)).toBe(2 / 3);
    expect(sumOf(3).squared().times(2).over(1)).toBe(18);
  });

  it('divides to the nearest double', () => {
    const whole = fc.integer({ min: -(2 ** 52), max: 2 ** 52 });
    fc.assert(
      fc.property(whole, fc.integer({ min: 1, max: 2 ** 40 }), (x, n) => {
        expect(sumOf(x).over(n)).toBe(x / n + 0);
      }),
    );
  });

  it('goes through text', () => {
    fc.assert(
      fc.property(fc.array(finite, { maxLength: 5 }), (terms) => {
        const text = sumOf(...terms).toString();
        expect(ExactSum.parse(text).toString()).toBe(text);
      }),
    );
    expect(() => ExactSum.parse('x')).toThrow(RangeError);
    expect(() => sumOf(NaN)).toThrow(RangeError);
  });
});

describe('exact moments', () => {
  /** What a pass over one sample finds, relative to its first value. */
  const sample = (values: Float32Array) => {
    const { count, mean, m2, min, max, nan, infinite } = new Moments().add(values);
    return { count, origin: mean, sum: 0, squares: m2, min, max, nan, infinite };
  };

  it('are those of all values', () => {
    fc.assert(
      fc.property(fc.array(tameFloats, { maxLength: 6 }), (samples) => {
        const exact = samples.reduce((m, values) => m.add(sample(values)), new ExactMoments());
        const all = new Moments().add(Float32Array.from(samples.flatMap((s) => [...s])));
        const size = Math.max(1, Math.abs(all.min), Math.abs(all.max));
        expect(exact.count).toBe(all.count);
        if (all.count === 0) return;
        expect([exact.min, exact.max]).toEqual([all.min + 0, all.max + 0]);
        expect(Math.abs(exact.mean - all.mean)).toBeLessThan(1e-12 * size);
        expect(Math.abs(exact.variance - all.variance)).toBeLessThan(1e-12 * size * size);
        const power = samples.flatMap((s) => [...s]).reduce((sum, x) => sum + x * x, 0);
        expect(Math.abs(exact.power - power)).toBeLessThanOrEqual(1e-9 * power + 1e-300);
      }),
    );
  });

  it('of parts merge to the very bits of the whole', () => {
    fc.assert(
      fc.property(fc.array(tameFloats, { maxLength: 8 }), fc.nat(8), (samples, cut) => {
        const of = (list: Float32Array[]) =>
          list.reduce((m, values) => m.add(sample(values)), new ExactMoments());
        const whole = of(samples);
        const [left, right] = [of(samples.slice(0, cut)), of(samples.slice(cut))];
        const merged = ExactMoments.fromData(right.toData()).merge(left);
        expect(merged.toData()).toEqual(whole.toData());
        expect([merged.mean, merged.m2, merged.std]).toEqual([whole.mean, whole.m2, whole.std]);
      }),
    );
  });

  it('keep their digits far from zero', () => {
    const values = Float32Array.from({ length: 1000 }, (_, i) => 1e6 + (i % 2));
    expect(new ExactMoments().add(sample(values)).variance).toBeCloseTo(0.25, 9);
  });
});
