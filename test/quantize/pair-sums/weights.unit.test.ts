import fc from '../../lib/property';
import { describe, expect, it } from 'vitest';
import {
  clippingPairs,
  convWeights,
  isDepthwise,
  matrixWeights,
  pairLoad,
  pairSums,
} from '../../../src/quantize/pair-sums/weights';

const column = (...codes: number[]) =>
  matrixWeights(Int8Array.from(codes), [codes.length, 1], false);

describe('pairLoad', () => {
  it.each([
    ['one large weight', [127, 0, 0, 0], (127 * 255) / 32767, []],
    ['a pair of one sign that just fits', [64, 64, 0, 0], (128 * 255) / 32767, []],
    ['a pair of one sign that does not', [127, 127, 0, 0], (254 * 255) / 32767, [0]],
    ['a pair below zero', [0, 0, -127, -127], (254 * 255) / 32768, [2]],
    ['a pair of different signs', [127, -127, 127, -127], (127 * 255) / 32767, []],
    ['neighbours of two pairs', [0, -127, -127, 0], (127 * 255) / 32768, []],
    ['an odd length', [1, 2, 127], (127 * 255) / 32767, []],
  ])('%s', (_, codes, load, pairs) => {
    expect(pairLoad(column(...codes), 0)).toBeCloseTo(load, 9);
    expect([...clippingPairs(column(...codes), 0)]).toEqual(pairs);
  });

  it('is less where activations do not use all codes', () => {
    expect(pairLoad(column(127, 127, -127, -127), 0, [100, 50, 200, 40])).toBeCloseTo(
      (240 * 127) / 32768,
      9,
    );
  });

  it('above 1 is exactly where some activations make a pair clip', () => {
    const code = fc.integer({ min: -127, max: 127 });
    fc.assert(
      fc.property(code, code, (a, b) => {
        const weights = column(a, b);
        const worst = [
          [255, 255],
          [255, 0],
          [0, 255],
        ].map((row) => pairSums(Uint8Array.from(row), weights, 0));
        const clips = worst.some(({ exact, clipped }) => exact !== clipped);
        expect(clips).toBe(pairLoad(weights, 0) > 1);
        expect(clippingPairs(weights, 0).length > 0).toBe(clips);
      }),
    );
  });

  it('is what a scale has to grow by so that no pair clips', () => {
    const code = fc.integer({ min: -127, max: 127 });
    const activation = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(code, code, activation, activation, (a, b, x, y) => {
        const load = Math.max(1, pairLoad(column(a, b), 0));
        expect((x * a + y * b) / load).toBeLessThanOrEqual(32767 + 1e-6);
        expect((x * a + y * b) / load).toBeGreaterThanOrEqual(-32768 - 1e-6);
      }),
    );
  });
});

describe('the order of weights', () => {
  it('is position by position in a convolution, channels inside', () => {
    // [1, 2, 1, 3]: channel 0 is 1 2 3, channel 1 is 4 5 6
    expect([...convWeights(Int8Array.of(1, 2, 3, 4, 5, 6), [1, 2, 1, 3]).codes]).toEqual([
      1, 4, 2, 5, 3, 6,
    ]);
  });

  it('goes along the inner axis of a matrix product, from either side', () => {
    const codes = Int8Array.of(1, 2, 3, 4, 5, 6);
    expect(matrixWeights(codes, [3, 2], false)).toEqual({
      channels: 2,
      depth: 4,
      codes: Int8Array.of(1, 3, 5, 0, 2, 4, 6, 0),
    });
    expect([...matrixWeights(codes, [3, 2], true).codes]).toEqual([1, 2, 3, 0, 4, 5, 6, 0]);
  });

  it.each([
    [[8, 1, 3, 3], 8, true],
    [[8, 1, 3, 3], 1, false],
    [[8, 1, 3, 3], 4, false],
    [[1, 1, 3, 3], 1, true],
    [[8, 2, 3, 3], 4, false],
  ])('is none in a depthwise kernel: %j of %i groups', (dims, group, depthwise) => {
    expect(isDepthwise(dims, group)).toBe(depthwise);
  });
});
