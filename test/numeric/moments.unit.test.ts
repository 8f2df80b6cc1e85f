import fc from '../lib/property';
import { describe, expect, it } from 'vitest';
import { channelRange, Moments } from '../../src/numeric/moments';
import { anyFloats, tameFloats } from './arrays';

describe('moments', () => {
  it('are mean and variance', () => {
    const moments = new Moments().add(Float32Array.of(1, 2, 3, 4, NaN, -Infinity));
    expect(moments.toData()).toEqual({
      count: 4,
      mean: 2.5,
      m2: 5,
      min: 1,
      max: 4,
      nan: 1,
      infinite: 1,
    });
    expect(moments.std).toBeCloseTo(Math.sqrt(1.25), 12);
  });

  it('of the parts merge to those of the whole', () => {
    fc.assert(
      fc.property(tameFloats, fc.nat(200), (values, cut) => {
        const whole = new Moments().add(values);
        const left = new Moments().add(values.subarray(0, cut));
        const right = new Moments().add(values.subarray(cut));
        const merged = Moments.fromData(left.toData()).merge(right.toData());
        const size = Math.max(Math.abs(whole.min), Math.abs(whole.max), 1e-30);
        expect(merged.count).toBe(whole.count);
        if (values.length === 0) return;
        expect([merged.min, merged.max]).toEqual([whole.min, whole.max]);
        expect(Math.abs(merged.mean - whole.mean)).toBeLessThan(1e-12 * size);
        expect(Math.abs(merged.variance - whole.variance)).toBeLessThan(1e-12 * size * size);
      }),
    );
  });

  it('keep their digits far from zero', () => {
    const values = Float32Array.from({ length: 1000 }, (_, i) => 1e6 + (i % 2));
    expect(new Moments().add(values).variance).toBeCloseTo(0.25, 9);
  });

  it('count everything once', () => {
    fc.assert(
      fc.property(anyFloats, (values) => {
        const { count, nan, infinite } = new Moments().add(values);
        expect(count + nan + infinite).toBe(values.length);
      }),
    );
  });

  it('of nothing are empty', () => {
    expect(new Moments().toData()).toMatchObject({ count: 0, min: null, max: null });
    expect(new Moments().variance).toBe(0);
  });
});

describe('ranges of channels', () => {
  it('go along the axis, and on from tensor to tensor', () => {
    const first = channelRange(Float32Array.of(1, 2, 3, 4, -5, 6), [1, 3, 2], 1);
    expect([...first.min]).toEqual([1, 3, -5]);
    expect([...first.max]).toEqual([2, 4, 6]);
    channelRange(Float32Array.of(9, NaN, -Infinity), [3, 1], 0, first);
    expect([...first.min]).toEqual([1, 3, -5]);
    expect([...first.max]).toEqual([9, 4, 6]);
    expect([...channelRange(Float32Array.of(1, 2, 3, 4), [2, 2], -1).max]).toEqual([3, 4]);
  });

  it('refuse what does not fit', () => {
    expect(() => channelRange(Float32Array.of(1), [2], 0)).toThrow(RangeError);
    expect(() => channelRange(Float32Array.of(1), [1], 1)).toThrow(RangeError);
    const two = channelRange(Float32Array.of(1, 2), [2], 0);
    expect(() => channelRange(Float32Array.of(1), [1], 0, two)).toThrow(RangeError);
  });
});
