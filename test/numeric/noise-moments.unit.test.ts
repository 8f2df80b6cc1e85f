/** Moments of noise beside those of distributions whose moments are known. */
import fc from '../lib/property';
import { describe, expect, it } from 'vitest';
import { NoiseMoments } from '../../src/numeric/noise-moments';
import { Random } from '../../src/numeric/random';

const MANY = 200_000;
const zeros = (n: number) => new Float32Array(n);
const filled = (n: number, next: () => number) => Float32Array.from({ length: n }, next);

describe('moments of noise', () => {
  const random = new Random(3);
  it.each([
    // https://en.wikipedia.org/wiki/Kurtosis: even 9/5, normal 3, Laplace 6, two values 1; exponential: skew 2, kurtosis 9
    {
      of: 'even',
      next: () => random.uniform() - 0.5,
      mean: 0,
      rmse: 1 / Math.sqrt(12),
      skew: 0,
      kurtosis: 1.8,
    },
    { of: 'normal', next: () => random.normal(), mean: 0, rmse: 1, skew: 0, kurtosis: 3 },
    {
      of: 'two values',
      next: () => (random.uniform() < 0.5 ? -2 : 2),
      mean: 0,
      rmse: 2,
      skew: 0,
      kurtosis: 1,
    },
    {
      of: 'exponential',
      next: () => -Math.log(1 - random.uniform()),
      mean: 1,
      rmse: Math.SQRT2,
      skew: 2,
      kurtosis: 9,
    },
  ])('$of', ({ next, ...known }) => {
    const moments = new NoiseMoments().add(zeros(MANY), filled(MANY, next), 0.5);
    expect(moments.mean).toBeCloseTo(known.mean, 1);
    expect(moments.rmse / known.rmse).toBeCloseTo(1, 1);
    expect(moments.rmsePerScale).toBeCloseTo(2 * moments.rmse, 10);
    expect(moments.skew).toBeCloseTo(known.skew, 0);
    expect(moments.kurtosis! / known.kurtosis).toBeCloseTo(1, 0);
  });

  it('says nothing of the shape where the noise is the same everywhere', () => {
    const none = new NoiseMoments().add(zeros(4), zeros(4));
    expect([none.rmse, none.skew, none.kurtosis, none.rmsePerScale]).toEqual([0, null, null, null]);
    const shift = new NoiseMoments().add(zeros(4), new Float32Array(4).fill(0.1));
    expect([shift.mean, shift.skew, shift.kurtosis]).toEqual([Math.fround(0.1), null, null]);
    const empty = new NoiseMoments();
    expect([empty.mean, empty.rmse, empty.skew, empty.rmsePerScale]).toEqual([0, 0, null, null]);
  });

  it('leaves out what is not finite, and each value has its own scale', () => {
    const reference = Float32Array.of(1, NaN, Infinity, 2);
    const got = Float32Array.of(1.5, 0, Infinity, 1.5);
    const moments = new NoiseMoments().add(reference, got, 0.25);
    expect([moments.count, moments.rmse, moments.rmsePerScale]).toEqual([2, 0.5, 2]);
    moments.add(Float32Array.of(0, 0), Float32Array.of(0.5, -0.5), 0.5);
    expect(moments.rmsePerScale).toBeCloseTo(Math.sqrt((4 + 4 + 1 + 1) / 4), 12);
    expect(() => moments.add(zeros(2), zeros(3))).toThrow(RangeError);
  });

  it('are those of the whole however it comes in parts', () => {
    const values = fc.float({ noNaN: true, noDefaultInfinity: true, min: -8, max: 8 });
    fc.assert(
      fc.property(fc.array(values, { minLength: 2, maxLength: 60 }), fc.nat(), (list, at) => {
        const got = Float32Array.from(list);
        const cut = at % list.length;
        const whole = new NoiseMoments().add(zeros(got.length), got);
        const parts = new NoiseMoments()
          .add(zeros(cut), got.subarray(0, cut))
          .add(zeros(got.length - cut), got.subarray(cut));
        expect(parts.rmse).toBeCloseTo(whole.rmse, 9);
        expect(parts.kurtosis === null).toBe(whole.kurtosis === null);
        if (whole.kurtosis !== null) expect(parts.kurtosis! / whole.kurtosis).toBeCloseTo(1, 4);
      }),
    );
  });
});
