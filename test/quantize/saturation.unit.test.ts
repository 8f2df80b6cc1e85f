import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canSaturate, channelOrders, headroomFactor } from '../../src/quantize/saturation';

const column = channelOrders([4, 1], 1);

describe('headroomFactor', () => {
  it.each([
    ['one large weight', [127, 0, 0, 0], 1],
    ['two neighbours of one sign that just fit', [64, 64, 0, 0], 1],
    ['two neighbours of one sign that do not', [127, 127, 0, 0], (254 * 255) / 32767],
    ['two neighbours below zero', [0, -127, -127, 0], (254 * 255) / 32767],
    ['neighbours of different signs', [127, -127, 127, -127], 1],
    ['large weights apart', [127, 0, 127, 0], 1],
  ])('%s', (_, codes, factor) => {
    expect(headroomFactor(codes, column, 0)).toBeCloseTo(factor, 9);
    expect(canSaturate(codes, column, 0)).toBe(factor > 1);
  });

  it('is what keeps every pair of activations and weights within 16 bits', () => {
    const code = fc.integer({ min: -127, max: 127 });
    const activation = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(code, code, activation, activation, (a, b, x, y) => {
        const factor = headroomFactor([a, b], channelOrders([2, 1], 1), 0);
        expect(Math.abs(x * a + y * b) / factor).toBeLessThanOrEqual(32767 + 1e-6);
      }),
    );
  });

  it('looks at a convolution channel by channel and position by position', () => {
    // [1, 2, 1, 2]: channel 0 is (127, 0), channel 1 (127, 0): neighbours only position by position.
    const orders = channelOrders([1, 2, 1, 2], 0);
    expect(orders.map((order) => [...order(0)])).toEqual([
      [0, 1, 2, 3],
      [0, 2, 1, 3],
    ]);
    expect(canSaturate([127, 0, 127, 0], orders, 0)).toBe(true);
    expect(canSaturate([127, 0, 127, 0], orders.slice(0, 1), 0)).toBe(false);
  });
});
