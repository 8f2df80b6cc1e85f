import { describe, expect, it } from 'vitest';
import {
  binsOf,
  expectedHalfError,
  FloatBitsHistogram,
  fromHalf,
  halfErrorDb,
  measuredHalfError,
  toHalf,
} from '../../src/numeric';
import { randomValues } from '../lib/graph';

const round = (x: number) => fromHalf(toHalf(x));
const expected = (values: Float32Array) =>
  expectedHalfError(binsOf(new FloatBitsHistogram().add(values)));

describe('the error of float16', () => {
  it.each([
    ['ordinary values', 1],
    ['large ones', 60000],
    ['around the smallest normal number', 6e-5],
    ['subnormal ones', 1e-6],
    ['a few steps of the last place', 3e-7],
  ])('is foretold from the histogram: %s', (_, scale) => {
    const values = randomValues(20000, 1, -scale, scale);
    const real = halfErrorDb(measuredHalfError(values, round));
    expect(Math.abs(halfErrorDb(expected(values)) - real)).toBeLessThan(0.5);
  });

  it('is about 74 dB for normal values', () => {
    const db = halfErrorDb(measuredHalfError(randomValues(20000, 2), round));
    expect(db).toBeGreaterThan(72);
    expect(db).toBeLessThan(76);
  });

  it('counts what becomes zero and what is not zero', () => {
    const values = Float32Array.of(0, 1e-9, -2e-8, 4e-8, 1, -0);
    expect(measuredHalfError(values, round)).toMatchObject({ vanished: 2, nonzero: 4, largest: 1 });
    expect(expected(values)).toMatchObject({ vanished: 2, nonzero: 4 });
  });

  it('is none where there is nothing, or nothing is lost', () => {
    expect(halfErrorDb(measuredHalfError(new Float32Array(4), round))).toBe(150);
    expect(halfErrorDb(measuredHalfError(Float32Array.of(1, 2, 0.5), round))).toBe(150);
    expect(halfErrorDb(expected(new Float32Array(0)))).toBe(150);
  });
});
