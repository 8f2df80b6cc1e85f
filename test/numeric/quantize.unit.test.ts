import fc from '../lib/property';
import { describe, expect, it } from 'vitest';
import {
  chooseChannelParams,
  chooseParams,
  codeRange,
  dequantize,
  dequantizePerChannel,
  fakeQuantize,
  quantizeArray,
  quantizePerChannel,
  roundHalfEven,
  type QuantType,
} from '../../src/numeric/quantize';
import { tameFloat } from './arrays';

const types: QuantType[] = ['uint8', 'int8', 'uint16', 'int16'];
const anyType = fc.constantFrom(...types);
const ordered = fc.tuple(tameFloat, tameFloat).map(([a, b]) => [Math.min(a, b), Math.max(a, b)]);

describe('codes', () => {
  it.each([
    ['uint8', {}, 0, 255],
    ['int8', {}, -128, 127],
    ['int8', { symmetric: true }, -127, 127],
    ['uint8', { symmetric: true }, 1, 255],
    ['int8', { bits: 7 }, -64, 63],
    ['int8', { bits: 7, symmetric: true }, -63, 63],
    ['uint8', { bits: 7 }, 0, 127],
    ['int16', { symmetric: true }, -32767, 32767],
    ['int32', {}, -2147483648, 2147483647],
  ] as const)('of %s %o', (type, options, min, max) => {
    expect(codeRange(type, options)).toEqual({ min, max });
  });
});

describe('parameters', () => {
  it('represent zero exactly and the range to half a step', () => {
    fc.assert(
      fc.property(ordered, anyType, fc.boolean(), ([min, max], type, symmetric) => {
        const params = chooseParams(min!, max!, type, { symmetric });
        if (params.oddity && params.oddity !== 'constant') return;
        const ends = Float32Array.of(0, min!, max!);
        const [zero, low, high] = fakeQuantize(ends, params, type, { symmetric });
        expect(zero).toBe(0);
        expect(Math.fround(params.scale)).toBe(params.scale);
        // rounding the zero point may move an end by half a step, rounding the value by another half
        const step = params.scale * 1.01;
        expect(Math.abs(low! - min!)).toBeLessThanOrEqual(step);
        expect(Math.abs(high! - max!)).toBeLessThanOrEqual(step);
      }),
    );
  });

  it.each([
    ['nothing seen', Infinity, -Infinity, 'empty', 1, 0],
    ['NaN', NaN, 1, 'not-finite', 1, 0],
    ['infinite', -Infinity, 1, 'not-finite', 1, 0],
    ['both infinite', -Infinity, Infinity, 'not-finite', 1, 0],
    ['only zeros', 0, -0, 'zero', 1, 0],
    ['a constant', 2, 2, 'constant', Math.fround(2 / 255), 0],
    ['a negative constant', -2, -2, 'constant', Math.fround(2 / 255), 255],
    ['tiny', 0, 1e-44, 'tiny', 1, 0],
    ['huge', -1e308, 1e308, 'huge', 1, 0],
    ['wider than a float32 scale', 0, 1e300, 'huge', 1, 0],
    ['after ReLU', 0, 6, null, Math.fround(6 / 255), 0],
    ['both signs', -1, 3, null, Math.fround(4 / 255), 64],
  ])('%s', (_, min, max, oddity, scale, zeroPoint) => {
    expect(chooseParams(min, max, 'uint8')).toEqual({ scale, zeroPoint, oddity });
  });

  it('have zero in the middle where symmetric', () => {
    const symmetric = true;
    expect(chooseParams(-1, 3, 'int8', { symmetric })).toEqual({
      scale: Math.fround(3 / 127),
      zeroPoint: 0,
      oddity: null,
    });
    expect(chooseParams(-1, 3, 'uint8', { symmetric }).zeroPoint).toBe(128);
    expect(chooseParams(0, 0, 'uint8', { symmetric }).zeroPoint).toBe(128);
  });
});

describe('quantizing', () => {
  it('rounds half to even', () => {
    const halves = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.4999];
    expect(halves.map(roundHalfEven).map((x) => x + 0)).toEqual([-2, -2, 0, 0, 2, 2, 3]);
    expect([...quantizeArray(halves, { scale: 1, zeroPoint: 0 }, 'int8')]).toEqual([
      -2, -2, 0, 0, 2, 2, 3,
    ]);
  });

  it('clamps, and gives NaN the code of zero', () => {
    const values = [1e30, -1e30, Infinity, -Infinity, NaN];
    expect([...quantizeArray(values, { scale: 0.5, zeroPoint: 3 }, 'uint8')]).toEqual([
      255, 0, 255, 0, 3,
    ]);
    const narrow = quantizeArray(values, { scale: 0.5, zeroPoint: 0 }, 'int8', { symmetric: true });
    expect([...narrow]).toEqual([127, -127, 127, -127, 0]);
  });

  it('is at rest after the first time', () => {
    fc.assert(
      fc.property(fc.float32Array({ noNaN: true, minLength: 1 }), anyType, (values, type) => {
        const finite = values.filter((x) => Math.abs(x) < 1e30);
        const params = chooseParams(Math.min(0, ...finite), Math.max(0, ...finite), type);
        const once = fakeQuantize(finite, params, type);
        expect(fakeQuantize(once, params, type)).toEqual(once);
      }),
    );
  });

  it('per channel is per tensor, channel by channel', () => {
    const dims = [2, 3, 2];
    const values = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i) * (1 + (i % 5)));
    for (const axis of [0, 1, 2, -1]) {
      const params = chooseChannelParams(values, dims, axis, 'int8', { symmetric: true });
      const codes = quantizePerChannel(values, dims, axis, params, 'int8', { symmetric: true });
      const floats = dequantizePerChannel(codes, dims, axis, params);
      const at = axis < 0 ? axis + 3 : axis;
      const inner = dims.slice(at + 1).reduce((a, b) => a * b, 1);
      values.forEach((x, i) => {
        const mine = params[Math.floor(i / inner) % dims[at]!]!;
        expect(codes[i]).toBe(quantizeArray([x], mine, 'int8', { symmetric: true })[0]);
        expect(floats[i]).toBe(dequantize([codes[i]!], mine)[0]);
      });
      expect(Math.max(...codes)).toBeLessThanOrEqual(127);
      expect(Math.min(...codes)).toBeGreaterThanOrEqual(-127);
    }
  });

  it('reports channels that hold nothing', () => {
    const params = chooseChannelParams(Float32Array.of(0, 0, 1, -2), [2, 2], 0, 'int8', {
      symmetric: true,
    });
    expect(params.map(({ oddity }) => oddity)).toEqual(['zero', null]);
    expect(params[0]!.scale).toBe(1);
  });

  it('refuses shapes that do not fit', () => {
    const one = [{ scale: 1, zeroPoint: 0 }];
    expect(() => quantizePerChannel([1, 2], [2], 0, one, 'int8')).toThrow(RangeError);
    expect(() => dequantizePerChannel([1, 2], [3], 0, [...one, ...one, ...one])).toThrow(
      RangeError,
    );
  });
});
