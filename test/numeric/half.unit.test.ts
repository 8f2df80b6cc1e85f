import fc, { runs } from '../lib/property';
import { describe, expect, it } from 'vitest';
import {
  fromBfloat16,
  fromBfloat16Array,
  fromHalf,
  fromHalfArray,
  toBfloat16,
  toBfloat16Array,
  toHalf,
  toHalfArray,
} from '../../src/numeric/half';

const every16 = Array.from({ length: 65536 }, (_, bits) => bits);

describe.each([
  ['float16', toHalf, fromHalf, 0x7c00],
  ['bfloat16', toBfloat16, fromBfloat16, 0x7f80],
])('%s', (_, to, from, infinity) => {
  it('comes back for every pattern of bits', () => {
    const wrong = every16.filter((bits) => {
      const value = from(bits);
      return Number.isNaN(value) ? !Number.isNaN(from(to(value))) : to(value) !== bits;
    });
    expect(wrong).toEqual([]);
  });

  it('is the nearest, and the even one of two', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: infinity - 2 }), fc.boolean(), (bits, negative) => {
        const sign = negative ? -1 : 1;
        const [low, high] = [from(bits), from(bits + 1)];
        const middle = (low + high) / 2;
        const give = (x: number) => to(sign * x) & 0x7fff;
        expect(give(middle)).toBe(bits % 2 ? bits + 1 : bits);
        const near = new Float32Array([middle]);
        const word = new Uint32Array(near.buffer);
        word[0]!++;
        expect(give(near[0]!)).toBe(bits + 1);
        word[0]! -= 2;
        expect(give(near[0]!)).toBe(bits);
      }),
      { numRuns: runs(2000) },
    );
  });

  it('knows infinity, overflow, NaN and signed zero', () => {
    expect(to(Infinity)).toBe(infinity);
    expect(to(-Infinity)).toBe(infinity | 0x8000);
    expect(to(3.4028234663852886e38)).toBe(infinity);
    expect(from(to(NaN))).toBeNaN();
    expect(to(-0)).toBe(0x8000);
    expect(Object.is(from(0x8000), -0)).toBe(true);
  });
});

it('the limits of float16 are those of IEEE 754', () => {
  expect(toHalf(65504)).toBe(0x7bff);
  expect(toHalf(65519.99)).toBe(0x7bff);
  expect(toHalf(65520)).toBe(0x7c00);
  expect(toHalf(2 ** -24)).toBe(1);
  expect(toHalf(2 ** -25)).toBe(0);
  expect(toHalf(1)).toBe(0x3c00);
});

it('arrays are converted value by value', () => {
  const values = Float32Array.of(1, -2.5, 1e-7, 1e6);
  expect([...fromHalfArray(toHalfArray(values))]).toEqual(
    Array.from(values, (x) => fromHalf(toHalf(x))),
  );
  expect([...fromBfloat16Array(toBfloat16Array(values))]).toEqual(
    Array.from(values, (x) => fromBfloat16(toBfloat16(x))),
  );
});
