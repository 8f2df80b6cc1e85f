/** Checks on a calibration set: convergence against drawing samples, duplicates, constant inputs. */
import fc from '../lib/property';
import { describe, expect, it } from 'vitest';
import { convergence, expectedMaximum } from '../../src/analyze/calibration-set/convergence';
import { findDuplicates, markSample } from '../../src/analyze/calibration-set/sample-marks';
import { setNotes } from '../../src/analyze/calibration-set/set-notes';
import type { Feed } from '../../src/data';
import { Random } from '../../src/numeric';
import { TensorStatistics } from '../../src/quantize/statistics';

/** Every choice of m of the values. */
function* choices(values: number[], m: number): Generator<number[]> {
  if (m === 0) yield [];
  else
    for (let i = 0; i + m <= values.length; i++)
      for (const rest of choices(values.slice(i + 1), m - 1)) yield [values[i]!, ...rest];
}

describe('the expected maximum', () => {
  it('is the mean over every choice of samples', () => {
    const values = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 8 }), (list, count) => {
        const m = Math.min(count, list.length);
        const all = [...choices(list, m)].map((c) => Math.max(...c));
        const mean = all.reduce((sum, x) => sum + x, 0) / all.length;
        expect(expectedMaximum(list, m)).toBeCloseTo(mean, 8);
      }),
    );
  });
});

function statisticsOf(tensor: string, maxima: number[]): TensorStatistics {
  const statistics = new TensorStatistics(tensor);
  for (const max of maxima)
    statistics.add({ type: 'float32', dims: [2], data: Float32Array.of(0, max) });
  return statistics;
}

describe('convergence', () => {
  const count = 64;
  const steady = statisticsOf(
    'steady',
    Array.from({ length: count }, (_, i) => 10 + (i % 3) * 0.05),
  );
  const rare = statisticsOf(
    'rare',
    Array.from({ length: count }, (_, i) => (i === 40 ? 100 : 1)),
  );

  it('tells what few samples would have given, and what still grows', () => {
    const both = convergence(
      new Map([
        ['steady', steady],
        ['rare', rare],
      ]),
    );
    expect(both.samples).toBe(count);
    expect(both.enough).toBe(1);
    expect(both.growing.map((g) => g.tensor)).toEqual(['rare']);
    // half of the samples hold the one of 100 half of the time
    expect(both.growing[0]!.growth).toBeCloseTo(1 - 50.5 / 100, 6);
    expect(convergence(new Map([['few', statisticsOf('few', [1, 2, 3])]])).enough).toBeNull();
  });
});

describe('samples', () => {
  const random = new Random(7);
  const image = () => Float32Array.from({ length: 192 }, () => random.normal());
  const feed = (data: Float32Array): Feed => ({ x: { type: 'float32', dims: [1, 3, 8, 8], data } });
  const images = Array.from({ length: 20 }, image);

  it('that are equal or nearly so are found, and others are not', () => {
    const again = images[3]!.slice();
    const almost = images[5]!.map((x) => x * 1.001 + 0.0005);
    const marks = [...images, again, almost].map((data, i) =>
      markSample(feed(data), i, `sample ${i}`),
    );
    expect(findDuplicates(marks)).toEqual({ exact: [[20, 3]], near: [[21, 5]] });
  });

  it('that differ are told apart whatever the levels of their channels', () => {
    const level = (data: Float32Array) => data.map((x, i) => (i < 64 ? x + 1000 : x));
    const almost = images[5]!.map((x) => x * 1.001 + 0.0005);
    const marks = [...images, almost].map((data, i) =>
      markSample(feed(level(data)), i, `sample ${i}`),
    );
    expect(findDuplicates(marks)).toEqual({ exact: [], near: [[20, 5]] });
  });

  it('with values that are not finite are told from their marks, with place and file', () => {
    const broken = images[1]!.slice();
    broken[7] = Number.NaN;
    const marks = [images[0]!, broken].map((d, i) => markSample(feed(d), i, `x.npy[${i}]`));
    const kept = JSON.parse(JSON.stringify(marks)) as typeof marks;
    const [note, ...others] = setNotes(kept, (position) => `file of ${position}`);
    expect(others).toEqual([]);
    expect(note).toMatchObject({ code: 'data.not-finite', tensor: 'x', file: 'file of 1' });
    expect(note!.message).toContain('x.npy[1], element 7 (NaN)');
  });

  it('of one value are told, with their place', () => {
    const marks = [images[0]!, new Float32Array(192).fill(3)].map((d, i) =>
      markSample(feed(d), i, `sample ${i}`),
    );
    const notes = setNotes(marks);
    expect(notes.map(({ code, tensor }) => [code, tensor])).toEqual([
      ['calibration-constant-input', 'x'],
    ]);
  });
});
