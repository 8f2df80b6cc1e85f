import path from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from '../lib/property';
import { describe, expect, it } from 'vitest';
import { blockCost } from '../../src/numeric/block-params';
import { MOST_SEARCHED, searchScales } from '../../src/numeric/block-search';
import { BLOCK_SEARCH_WASM } from '../../src/numeric/block-search-wasm';

describe('the search of scales', () => {
  it('is what its source says', async () => {
    const script = pathToFileURL(path.resolve(import.meta.dirname, '../../scripts/wasm.mjs')).href;
    const { assemble } = (await import(script)) as {
      assemble: (name: string) => Promise<Uint8Array>;
    };
    const bytes = Buffer.from(await assemble('block-search'));
    expect(bytes.toString('base64')).toBe(BLOCK_SEARCH_WASM);
  });

  const value = fc.float({ noNaN: true, min: -4, max: 4 });
  const candidate = fc.record({
    scale: fc.double({ min: 0.01, max: 1, noNaN: true }),
    negative: fc.boolean(),
    zero: fc.integer({ min: 0, max: 15 }),
  });
  it.each([1, 2 ** -60, 2 ** 80])('finds the least cost of all, of values times %d', (unit) => {
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 70 }),
        fc.array(candidate, { minLength: 1, maxLength: 60 }),
        (plain, candidates) => {
          const x = Float32Array.from(plain, (v) => v * unit);
          const largest = x.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
          fc.pre(largest > 1e-3 * unit);
          const scales = candidates.map((c) => Math.fround((c.negative ? -1 : 1) * c.scale * unit));
          const zeros = candidates.map((c) => c.zero);
          const costs = scales.map((scale, i) =>
            blockCost(x, x.length, { scale, zero: zeros[i]! }, 4),
          );
          const found = searchScales(x, x.length, largest, { scales, zeros }, 4)!;
          // what float32 does not tell apart: its rounding errors, of values up to `largest`
          const room = 1e-5 * Math.min(...costs) + 1e-5 * largest ** 2 * x.length;
          expect(costs[found]!).toBeLessThanOrEqual(Math.min(...costs) + room);
        },
      ),
    );
  });

  it('leaves long runs, zeros and magnitudes at the ends of float32 to others', () => {
    const one = { scales: [1], zeros: [8] };
    const x = new Float32Array(MOST_SEARCHED + 1).fill(1);
    expect(searchScales(x, MOST_SEARCHED, 1, one, 4)).toBe(0);
    expect(searchScales(x, MOST_SEARCHED + 1, 1, one, 4)).toBeNull();
    for (const largest of [0, 2 ** -110, 2 ** 125])
      expect(searchScales(x, 4, largest, one, 4)).toBeNull();
  });
});
