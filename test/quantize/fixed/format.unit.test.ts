import { describe, expect, it } from 'vitest';
import fc from '../../lib/property';
import { roundHalfEven } from '../../../src/numeric/round';
import {
  divideRounded,
  exponentOf,
  formatText,
  shiftRight,
} from '../../../src/quantize/fixed/format';
import { halveScales } from '../../../src/quantize/fixed/halve-scales';
import { bitsOf, pairBounds, roundReal } from '../../../src/quantize/fixed/sums';

const whole = (most: number) => fc.integer({ min: -most, max: most });

describe('numbers in fixed point', () => {
  it.each([
    [7, 'Q1.7'],
    [4, 'Q4.4'],
    [0, 'Q8.0'],
    [-2, 'Q10.-2'],
    [9, 'Q-1.9'],
  ])('eight bits with %i binary places are %s', (fraction, text) => {
    expect(formatText({ bits: 8, fraction })).toBe(text);
  });

  it('shows the span of several formats', () => {
    expect(formatText({ bits: 8, fraction: [7, 5, 6] })).toBe('Q3.5 … Q1.7');
    expect(formatText({ bits: 8, fraction: [5, 5] })).toBe('Q3.5');
  });

  it('shifts as a division by a power of two is rounded half to even', () => {
    fc.assert(
      fc.property(whole(2 ** 40), fc.integer({ min: -8, max: 30 }), (value, shift) => {
        expect(shiftRight(value, shift) + 0).toBe(roundHalfEven(value / 2 ** shift) + 0);
      }),
    );
  });

  it('divides with half to even', () => {
    fc.assert(
      fc.property(whole(2 ** 30), fc.integer({ min: 1, max: 500 }), (value, divisor) => {
        const doubled = divideRounded(value, divisor) * 2 * divisor - 2 * value;
        expect(Math.abs(doubled)).toBeLessThanOrEqual(divisor);
        if (Math.abs(doubled) === divisor)
          expect(Math.abs(divideRounded(value, divisor) % 2)).toBe(0);
      }),
    );
  });

  it('knows the exponent of powers of two alone', () => {
    expect([1, 0.125, 1024, 0.1, 3, 0].map(exponentOf)).toEqual([0, -3, 10, null, null, null]);
  });

  it.each([
    [{ low: -128, high: 127 }, 8],
    [{ low: 0, high: 128 }, 9],
    [{ low: -129, high: 0 }, 9],
    [{ low: 0, high: 0 }, 1],
    [{ low: -(2 ** 31), high: 2 ** 31 - 1 }, 32],
    [{ low: 0, high: 2 ** 31 }, 33],
  ])('%j need %i bits', (bounds, bits) => {
    expect(bitsOf(bounds)).toBe(bits);
  });

  it('bounds pairs by all their corners', () => {
    const [a, b] = [
      { low: -128, high: 127 },
      { low: -3, high: 5 },
    ];
    expect(pairBounds('add', a, b)).toEqual({ low: -131, high: 132 });
    expect(pairBounds('subtract', a, b)).toEqual({ low: -133, high: 130 });
    expect(pairBounds('multiply', a, b)).toEqual({ low: -640, high: 635 });
  });

  it('rounds real bounds as QuantizeLinear rounds', () => {
    expect([2.5, 3.5, -2.5, 1.26].map((bound) => roundReal(bound, 0))).toEqual([2, 4, -2, 1]);
    expect(roundReal(6, 4)).toBe(96);
  });
});

describe('halveScales', () => {
  const halved = (values: number[], scale: number, least = 0) => {
    const scales = Float32Array.of(scale);
    halveScales(Float32Array.from(values), [1, values.length], 0, scales, {
      top: 127,
      least: () => least,
    });
    return scales[0];
  };
  const small = Array.from({ length: 400 }, (_, i) => ((i * 37) % 101) / 64 - 0.79);

  it('clips one large weight where many small ones gain by it', () => {
    expect(halved([...small, 4.2], 1 / 16)).toBe(1 / 32);
  });

  it('keeps a scale whose half would clip too much, or leave a bias no room', () => {
    expect(halved([...small, 8, -8, 7.5], 1 / 16)).toBe(1 / 16);
    expect(halved([...small, 4.2], 1 / 16, 1 / 20)).toBe(1 / 16);
  });
});
