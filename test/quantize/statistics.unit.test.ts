/** The law of statistics: those of any parts merge to the very bits of those of the whole. */
import fc from '../lib/property';
import { describe, expect, it } from 'vitest';
import { TensorStatistics, type StatisticsData } from '../../src/quantize/statistics';
import { StatisticsCollector } from '../../src/quantize/statistics-collector';
import { samplesAtOnce } from '../../src/quantize/statistics-sink';

interface Sample {
  dims: number[];
  data: Float32Array;
}

const float = fc.oneof(
  { weight: 20, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true }) },
  { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity, -0, 0) },
);
const sample: fc.Arbitrary<Sample> = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 4 }), fc.infiniteStream(float))
  .map(([rows, channels, stream]) => ({
    dims: [rows, channels],
    data: Float32Array.from({ length: rows * channels }, () => stream.next().value),
  }));
const samples = fc.array(sample, { minLength: 1, maxLength: 12 });

function collect(
  all: readonly Sample[],
  positions: readonly number[],
  how: string,
): StatisticsData {
  if (how === 'direct') {
    const statistics = new TensorStatistics('t');
    for (const p of positions) statistics.add({ type: 'float32', ...all[p]! }, p);
    return statistics.toData();
  }
  const collector = new StatisticsCollector(['t'], null, how === 'minmax' ? 'minmax' : 'full');
  for (const p of positions) collector.add(p, [{ tensor: 0, ...all[p]! }]);
  return collector.snapshot()[0]!;
}

const stored = (data: StatisticsData) =>
  TensorStatistics.fromData(JSON.parse(JSON.stringify(data)) as StatisticsData);

describe.each(['direct', 'kernel', 'minmax'])('statistics of parts (%s)', (how) => {
  it('merge to those of the whole, however the samples are dealt out and in any order', () => {
    fc.assert(
      fc.property(
        samples,
        fc.array(fc.nat(3), { minLength: 12, maxLength: 12 }),
        fc.boolean(),
        (all, shardOf, backwards) => {
          const positions = all.map((_, i) => i);
          const whole = collect(all, positions, how);
          const shards = [0, 1, 2, 3].map((k) =>
            stored(
              collect(
                all,
                positions.filter((p) => shardOf[p] === k),
                how,
              ),
            ),
          );
          if (backwards) shards.reverse();
          const merged = shards.reduce((a, b) => a.merge(b));
          expect(JSON.stringify(merged.toData())).toBe(JSON.stringify(whole));
        },
      ),
    );
  });
});

describe('statistics', () => {
  it('go on where they were stored', () => {
    fc.assert(
      fc.property(samples, fc.nat(12), (all, cut) => {
        const positions = all.map((_, i) => i);
        const first = collect(all, positions.slice(0, cut), 'kernel');
        const collector = new StatisticsCollector(['t'], [first]);
        for (const p of positions.slice(cut)) collector.add(p, [{ tensor: 0, ...all[p]! }]);
        expect(collector.snapshot()[0]).toEqual(collect(all, positions, 'kernel'));
      }),
    );
  });

  it('refuse a sample that is in both', () => {
    const of = (position: number) => {
      const statistics = new TensorStatistics('t');
      statistics.add({ type: 'float32', dims: [1], data: Float32Array.of(1) }, position);
      return statistics;
    };
    expect(() => of(3).merge(of(3))).toThrow(RangeError);
    expect(of(3).merge(of(2)).positions).toEqual([2, 3]);
  });
});

describe('samples in memory at once', () => {
  it.each([
    [0, 4],
    [1 << 20, 4],
    [200 << 20, 2],
    [400 << 20, 1],
    [2 ** 32, 1],
  ])('of %d bytes: %d', (bytes, count) => expect(samplesAtOnce(bytes)).toBe(count));
});
