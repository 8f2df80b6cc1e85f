import fc from '../lib/property';
import { describe, expect, it } from 'vitest';
import { channelRange, Moments, sweep } from '../../src/numeric';

const float = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 });

describe('one pass over a tensor', () => {
  it('finds the moments and extremes of every channel that two passes find', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 5 }),
        fc.infiniteStream(float),
        (outer, channels, inner, stream) => {
          const dims = [outer, channels, inner];
          const values = Float32Array.from(
            { length: outer * channels * inner },
            () => stream.next().value,
          );
          const one = sweep(values, dims, 1);
          const two = new Moments().add(values);
          expect(one.channels).toEqual(channelRange(values, dims, 1));
          expect([one.moments.min, one.moments.max]).toEqual([two.min, two.max]);
          expect(one.moments.mean).toBeCloseTo(two.mean, 3);
          expect(Math.abs(one.moments.std - two.std)).toBeLessThanOrEqual(1e-6 * (1 + two.std));
        },
      ),
    );
  });

  it('keeps the spread of values far from zero', () => {
    const values = Float32Array.of(1e6, 1e6 + 1, 1e6 + 2);
    expect(sweep(values, [3], null).moments.std).toBeCloseTo(new Moments().add(values).std, 6);
  });

  it('counts NaN and infinities, wherever they are', () => {
    for (const at of [0, 1, 2]) {
      const values = Float32Array.of(1, 2, 3);
      values[at] = Number.NaN;
      expect(sweep(values, [1, 3], 1).moments).toMatchObject({ nan: 1, infinite: 0, count: 2 });
      values[at] = Infinity;
      expect(sweep(values, [1, 3], 1).moments).toMatchObject({ nan: 0, infinite: 1, count: 2 });
    }
  });

  it('is nothing for no values', () => {
    expect(sweep(new Float32Array(0), [1, 0], 1).moments).toMatchObject({ count: 0, mean: 0 });
  });
});
