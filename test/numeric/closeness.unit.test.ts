import fc, { runs } from '../lib/property';
import { describe, expect, it } from 'vitest';
import { ChannelCloseness } from '../../src/numeric/channel-closeness';
import { ClosenessAccumulator, sqnrDb } from '../../src/numeric/closeness';
import { dequantize } from '../../src/numeric/quantize';
import { tameFloat } from './arrays';

const f32 = (...x: number[]) => Float32Array.from(x);
const pairs = fc
  .array(fc.tuple(tameFloat, tameFloat), { minLength: 1, maxLength: 100 })
  .map((list) => [
    Float32Array.from(list, ([x]) => x),
    Float32Array.from(list, ([, y]) => y),
  ]) as fc.Arbitrary<[Float32Array, Float32Array]>;

describe('closeness', () => {
  it('is its definition', () => {
    const close = new ClosenessAccumulator({ atol: 0.1, rtol: 0.1 }).add(
      f32(1, -2, 3, 0),
      f32(1, -2.125, 2.5, 0.25),
    );
    expect(close.signal).toBe(14);
    expect(close.noise).toBe(0.015625 + 0.25 + 0.0625);
    expect(close.sqnrDb).toBeCloseTo(10 * Math.log10(14 / 0.328125), 12);
    expect(close.maxAbs).toBe(0.5);
    expect(close.meanAbs).toBe(0.875 / 4);
    expect(close.within).toBe(0.5);
    expect(close.cosine).toBeCloseTo(12.75 / Math.sqrt(14 * (1 + 2.125 ** 2 + 6.25 + 0.0625)), 12);
  });

  it.each([
    ['equal', f32(1, 2), f32(1, 2), 150, 1],
    ['both zero', f32(0, 0), f32(0, 0), 150, 1],
    ['lost', f32(1, 1), f32(0, 0), 0, 0],
    ['made up', f32(0, 0), f32(1, 1), -150, 0],
    ['opposite', f32(1, 1), f32(-1, -1), -10 * Math.log10(4), -1],
    ['empty', f32(), f32(), 150, 1],
    ['NaN where there was a number', f32(1, 2), f32(1, NaN), -150, 1],
    ['the same infinity, as in a mask', f32(1, -Infinity), f32(1, -Infinity), 150, 1],
    ['another infinity', f32(1, Infinity), f32(1, -Infinity), -150, 1],
    ['infinity clipped', f32(1, -Infinity), f32(1, -5), -150, 1],
  ])('%s', (_, reference, got, db, cosine) => {
    const close = new ClosenessAccumulator().add(reference, got);
    expect(close.sqnrDb).toBeCloseTo(db, 10);
    expect(close.cosine).toBeCloseTo(cosine, 10);
  });

  it('refuses tensors of different length', () => {
    expect(() => new ClosenessAccumulator().add(f32(1), f32(1, 2))).toThrow(RangeError);
  });

  it('of the parts merges to that of the whole', () => {
    fc.assert(
      fc.property(pairs, fc.nat(100), ([x, y], cut) => {
        const whole = new ClosenessAccumulator().add(x, y);
        const left = new ClosenessAccumulator().add(x.subarray(0, cut), y.subarray(0, cut));
        const right = new ClosenessAccumulator().add(x.subarray(cut), y.subarray(cut));
        const merged = ClosenessAccumulator.fromData(left.toData()).merge(right.toData());
        for (const [key, value] of Object.entries(whole.toData())) {
          const got = merged.toData()[key as keyof ReturnType<typeof merged.toData>];
          const size = key === 'product' ? Math.sqrt(whole.signal * whole.energy) : value;
          expect(Math.abs(got - value)).toBeLessThanOrEqual(1e-12 * size);
        }
      }),
    );
  });

  it('of codes is that of the dequantized tensor', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 5000 }),
        fc.float({ min: Math.fround(1e-3), max: 10, noNaN: true }),
        fc.nat(255),
        (codes, scale, zeroPoint) => {
          const reference = Float32Array.from(codes, (q, i) => Math.sin(i) * scale * (q - 100));
          const floats = dequantize(codes, { scale, zeroPoint });
          expect(
            new ClosenessAccumulator().addCodes(reference, codes, scale, zeroPoint).toData().maxAbs,
          ).toBe(new ClosenessAccumulator().add(reference, floats).maxAbs);
          const shape = [1, codes.length, 1];
          expect(
            new ChannelCloseness(1).addCodes(reference, codes, scale, zeroPoint, shape).sqnrDb(),
          ).toEqual(new ChannelCloseness(1).add(reference, floats, shape).sqnrDb());
        },
      ),
      { numRuns: runs(30) },
    );
  });
});

describe('closeness per channel', () => {
  it('is the closeness of each channel alone', () => {
    const dims = [2, 3, 4];
    const x = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i));
    const y = x.map((v, i) => v + 0.01 * Math.cos(3 * i));
    const expected = [0, 1, 2].map((c) => {
      const mine = (_: number, i: number) => Math.floor(i / 4) % 3 === c;
      return new ClosenessAccumulator().add(x.filter(mine), y.filter(mine)).sqnrDb;
    });
    const got = new ChannelCloseness(1).add(x, y, dims).sqnrDb();
    got.forEach((db, c) => expect(db).toBeCloseTo(expected[c]!, 10));
    expect(new ChannelCloseness(-2).add(x, y, dims).sqnrDb()).toEqual(got);
  });

  it('merges, and knows what does not fit', () => {
    const half = () => new ChannelCloseness(0).add(f32(1, 2), f32(1, 2.5), [2]);
    const merged = new ChannelCloseness(0).merge(half()).merge(half());
    expect(merged.sqnrDb()).toEqual(half().sqnrDb());
    expect(() => half().add(f32(1), f32(1), [1])).toThrow(RangeError);
    expect(() => half().add(f32(1), f32(1), [2])).toThrow(RangeError);
    expect(() => new ChannelCloseness(1).add(f32(1), f32(1), [1])).toThrow(RangeError);
  });

  it('marks the channel with a NaN', () => {
    const db = new ChannelCloseness(0).add(f32(1, 2), f32(NaN, 2), [2]).sqnrDb();
    expect(db).toEqual([-150, 150]);
  });
});

describe('sqnrDb', () => {
  it('has caps', () => {
    expect([sqnrDb(1, 0), sqnrDb(0, 0), sqnrDb(0, 1), sqnrDb(1e30, 1e-30), sqnrDb(NaN, 1)]).toEqual(
      [150, 150, -150, 150, -150],
    );
  });
});
