/** The WebAssembly kernel against sums, extremes and counts made value by value. */
import { pathToFileURL } from 'node:url';
import path from 'node:path';
import fc from '../lib/property';
import { describe, expect, it } from 'vitest';
import {
  BIN_COUNT,
  channelRange,
  FloatBitsHistogram,
  Moments,
  Random,
  StatisticsKernel,
} from '../../src/numeric';
import { STATISTICS_WASM } from '../../src/numeric/statistics-wasm';

/** Counts as DESIGN §4.12 has them: h[u32 >>> 18]++. */
function counts(values: Float32Array): Map<number, number> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const found = new Map<number, number>();
  for (const word of bits) found.set(word >>> 18, (found.get(word >>> 18) ?? 0) + 1);
  return found;
}

function occupied(histogram: FloatBitsHistogram): Map<number, number> {
  const found = new Map<number, number>();
  for (let bin = 0; bin < BIN_COUNT; bin++) {
    const count = histogram.countOf(bin);
    if (count > 0) found.set(bin, count);
  }
  return found;
}

const sorted = (map: Map<number, number>) => [...map].sort(([a], [b]) => a - b);

function check(values: Float32Array, dims: number[], axis: number | null): void {
  const histogram = new FloatBitsHistogram();
  const kernel = new StatisticsKernel([new FloatBitsHistogram(), histogram]);
  const found = kernel.add(1, values, dims, axis);
  kernel.drain(1);
  expect(sorted(occupied(histogram))).toEqual(sorted(counts(values)));
  const direct = new Moments().add(values);
  const { count, min, max, nan, infinite } = direct;
  expect(found).toMatchObject({ count, min, max, nan, infinite });
  expect(found.channels).toEqual(axis === null ? null : channelRange(values, dims, axis));
  if (count === 0) return;
  const size = Math.max(Math.abs(min), Math.abs(max), 1e-30);
  const mean = found.origin + found.sum / count;
  expect(Math.abs(mean - direct.mean)).toBeLessThanOrEqual(1e-12 * size);
  const variance = found.squares / count - (found.sum / count) ** 2;
  expect(Math.abs(variance - direct.variance)).toBeLessThanOrEqual(1e-11 * size * size);
}

const anyFloat = fc.oneof(
  fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }),
  fc.constantFrom(0, -0, 1, -1, 1.4e-45, 3.4e38, -3.4e38),
);
const odd = fc.constantFrom(NaN, Infinity, -Infinity);

describe('the statistics kernel', () => {
  it('is what its source says', async () => {
    const script = pathToFileURL(path.resolve(import.meta.dirname, '../../scripts/wasm.mjs')).href;
    const { assemble } = (await import(script)) as {
      assemble: (name: string) => Promise<Uint8Array>;
    };
    const bytes = Buffer.from(await assemble('statistics'));
    expect(bytes.toString('base64')).toBe(STATISTICS_WASM);
    expect(bytes.length).toBeLessThan(1024);
  });

  it('finds what is found value by value, whatever the shape', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }),
        fc.nat(4),
        fc.infiniteStream(anyFloat),
        fc.array(fc.tuple(fc.nat(1295), odd), { maxLength: 2 }),
        (dims, at, stream, oddities) => {
          const size = dims.reduce((a, b) => a * b, 1);
          const values = Float32Array.from({ length: size }, () => stream.next().value);
          for (const [where, what] of oddities) if (where < size) values[where] = what;
          check(values, dims, at < dims.length ? at : null);
        },
      ),
    );
  });

  it.each<[string, number[], number | null]>([
    ['nothing', [0], null],
    ['no rows', [0, 3], 1],
    ['one value', [1], null],
    ['an image', [1, 3, 224, 224], 1],
    ['a batch of images', [5, 3, 61, 67], 1],
    ['rows longer than a chunk, and no multiple of four', [2, 3, 20011], 1],
    ['a sequence', [1, 128, 65], 2],
    ['wide rows', [7, 5003], 1],
    ['a vector', [1, 1000], 1],
  ])('%s', (_, dims, axis) => {
    const random = new Random(dims.length);
    const size = dims.reduce((a, b) => a * b, 1);
    check(
      Float32Array.from({ length: size }, () => Math.max(-0.3, random.normal())),
      dims,
      axis,
    );
  });

  it.each([0, 1, 6, 7, 20000, 20010])('finds a NaN and an infinity at %i', (at) => {
    for (const what of [NaN, Infinity, -Infinity]) {
      const values = new Float32Array(20011).fill(2);
      values[at] = what;
      check(values, [1, 20011], null);
    }
  });

  it('counts the same for many tensors, whose lanes share a histogram', () => {
    const histograms = Array.from({ length: 600 }, () => new FloatBitsHistogram());
    const kernel = new StatisticsKernel(histograms);
    const values = Float32Array.from({ length: 1003 }, (_, i) => (i % 5) - 1);
    for (const tensor of [0, 599, 0]) kernel.add(tensor, values, [1003], null);
    for (const tensor of [0, 1, 599]) kernel.drain(tensor);
    const once = sorted(counts(values));
    expect(sorted(occupied(histograms[599]!))).toEqual(once);
    expect(sorted(occupied(histograms[0]!))).toEqual(once.map(([bin, n]) => [bin, 2 * n]));
    expect(histograms[1]!.total).toBe(0);
  });

  it('refuses shapes that do not fit', () => {
    const kernel = new StatisticsKernel([new FloatBitsHistogram()]);
    expect(() => kernel.add(0, new Float32Array(5), [2, 3], 1)).toThrow(RangeError);
    expect(() => kernel.add(0, new Float32Array(9000), [1, 9000], 1)).toThrow(RangeError);
  });
});
