import fc from '../lib/property';
import { describe, expect, it } from 'vitest';
import {
  blockCost,
  encodeBlock,
  fitBlock,
  getNibble,
  nibbleBytes,
  putNibble,
  type BlockFormat,
} from '../../src/numeric';
import { randomValues } from '../lib/graph';

const formats: BlockFormat[] = [4, 8].flatMap((bits) =>
  [
    { symmetric: true, method: 'rtn', signedScale: true },
    { symmetric: true, method: 'rtn', signedScale: false },
    { symmetric: false, method: 'rtn', signedScale: true },
    { symmetric: false, method: 'hqq', signedScale: true },
  ].map((rest) => ({ bits, ...rest }) as BlockFormat),
);
const named = formats.map(
  (f) =>
    [
      `${f.bits} bits, ${f.symmetric ? `symmetric, ${f.signedScale ? 'any sign' : 'scale > 0'}` : f.method}`,
      f,
    ] as const,
);

function roundTrip(values: Float32Array, format: BlockFormat) {
  const params = fitBlock(values, values.length, format)!;
  const codes = new Uint8Array(values.length);
  encodeBlock(values, values.length, params, format.bits, codes);
  const back = Array.from(codes, (q) => params.scale * (q - params.zero));
  const cost = blockCost(values, values.length, params, format.bits);
  return { params, codes, back, cost };
}

const values = fc
  .array(fc.float({ min: -4, max: 4, noNaN: true }), { minLength: 1, maxLength: 64 })
  .map((list) => Float32Array.from(list));

describe.each(named)('%s', (_, format) => {
  const top = 2 ** format.bits - 1;

  it('keeps codes, scale and zero point within bounds, and the error below a step', () => {
    fc.assert(
      fc.property(values, (x) => {
        const { params, codes, back } = roundTrip(x, format);
        expect(params.scale).toBe(Math.fround(params.scale));
        expect(params.scale).not.toBe(0);
        if (!format.signedScale) expect(params.scale).toBeGreaterThan(0);
        expect(Number.isInteger(params.zero)).toBe(true);
        expect(params.zero).toBeGreaterThanOrEqual(0);
        expect(params.zero).toBeLessThanOrEqual(top);
        if (format.symmetric) expect(params.zero).toBe((top + 1) / 2);
        const step = Math.abs(params.scale);
        x.forEach((v, i) => {
          const inside = codes[i]! > 0 && codes[i]! < top;
          if (inside) expect(Math.abs(back[i]! - v)).toBeLessThanOrEqual(step * 0.5001);
        });
      }),
    );
  });

  it('gives zero back exactly', () => {
    const { back } = roundTrip(Float32Array.of(0, 0.3, 0, 1), format);
    expect(back[0] === 0).toBe(true);
    expect(back[2] === 0).toBe(true);
  });

  it('a block of zeros has scale 1', () => {
    const { params, back } = roundTrip(new Float32Array(8), format);
    expect(params.scale).toBe(1);
    expect(back.every((y) => y === 0)).toBe(true);
  });

  it.each([NaN, Infinity, -Infinity])('refuses %d', (bad) => {
    expect(fitBlock(Float32Array.of(1, bad, 2), 3, format)).toBeNull();
    expect(fitBlock(Float32Array.of(1, 2, bad), 2, format)).not.toBeNull();
  });
});

describe('4 bits', () => {
  it('are never worse than the scale of the largest magnitude alone', () => {
    fc.assert(
      fc.property(values, (x) => {
        const plain = Math.fround(x.reduce((m, v) => Math.max(m, Math.abs(v)), 0) / 7) || 1;
        const naive = blockCost(x, x.length, { scale: plain, zero: 8 }, 4);
        for (const format of formats.slice(0, 2))
          expect(roundTrip(x, format).cost).toBeLessThanOrEqual(naive * (1 + 1e-5) + 1e-12);
      }),
    );
  });

  it('hqq never costs more than rtn, and clearly less on many blocks with a long tail', () => {
    const [rtn, hqq] = [formats[2]!, formats[3]!];
    let better = 0;
    for (let seed = 0; seed < 100; seed++) {
      const x = randomValues(32, seed).map((v) => v ** 3);
      const [a, b] = [roundTrip(x, rtn).cost, roundTrip(x, hqq).cost];
      expect(b).toBeLessThanOrEqual(a * (1 + 1e-5));
      if (b < a * 0.99) better++;
    }
    expect(better).toBeGreaterThan(15);
  });
});

it('a block costs its squared error and eight times the part of it along the values', () => {
  const [a, b] = [0.75, -0.51]; // with scale 1 they become 1 and −1
  const [da, db] = [a - 1, b + 1];
  const cost = da ** 2 + db ** 2 + (8 * (da * a + db * b) ** 2) / (a ** 2 + b ** 2);
  expect(blockCost(Float32Array.of(a, b), 2, { scale: 1, zero: 8 }, 4)).toBeCloseTo(cost, 6);
});

it('nibbles come back as they were put, the first of a pair in the low half', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 15 }), { maxLength: 33 }), (codes) => {
      const packed = new Uint8Array(nibbleBytes(codes.length));
      codes.forEach((c, i) => putNibble(packed, i, c));
      expect(codes.map((_, i) => getNibble(packed, i))).toEqual(codes);
    }),
  );
  const packed = new Uint8Array(1);
  putNibble(packed, 0, 3);
  expect(packed[0]).toBe(3);
});
