import fc from '../lib/property';
import { describe, expect, it } from 'vitest';
import { BIN_COUNT } from '../../src/numeric/histogram';
import { calibrate } from '../../src/quantize/calibrate';
import { observe, OBSERVERS } from '../../src/quantize/observers';
import { channelAxisOf, TensorStatistics } from '../../src/quantize/statistics';
import { GraphBuilder } from '../lib/graph';
import { each } from '../lib/quantize';
import { outputs, randomFeeds, value } from '../lib/runtime';

/** x → Conv → Relu → Gemm-like reduction, with inner tensors that have negative and positive values. */
function small() {
  const g = new GraphBuilder();
  const c = g.node('c', 'Conv', [g.input('x', [1, 3, 6, 6]), g.random('w', [5, 3, 3, 3])]);
  g.output(g.node('r', 'Relu', [c]));
  return g.build();
}

describe('calibrate', () => {
  it('sees the extremes that the runtime sees', async () => {
    const model = small();
    const feeds = randomFeeds(model, 7);
    const statistics = await calibrate(model, ['x', 'c_out', 'r_out'], each(feeds));

    // second opinion: ReduceMin and ReduceMax of the same tensors, and per channel
    const g = new GraphBuilder();
    const c = g.node('c', 'Conv', [g.input('x', [1, 3, 6, 6]), g.random('w', [5, 3, 3, 3])]);
    for (const op of ['Min', 'Max']) {
      g.output(g.node(`whole${op}`, `Reduce${op}`, [c], { keepdims: 0 }));
      g.output(g.node(`channel${op}`, `Reduce${op}`, [c], { keepdims: 0, axes: [0, 2, 3] }));
    }
    const opinions = await Promise.all(feeds.map((feed) => outputs(g.build(), feed)));
    const all = (name: string) =>
      opinions.map((o) => Array.from(o[`${name}_out`]!.data as Float32Array));
    const tensor = statistics.get('c_out')!;
    expect(tensor.samples).toBe(7);
    expect(tensor.sampleMin).toEqual(all('wholeMin').flat());
    expect(tensor.sampleMax).toEqual(all('wholeMax').flat());
    expect(tensor.min).toBe(Math.min(...all('wholeMin').flat()));
    expect(tensor.max).toBe(Math.max(...all('wholeMax').flat()));
    const column = (rows: number[][], channel: number) => rows.map((row) => row[channel]!);
    for (let channel = 0; channel < 5; channel++) {
      expect(tensor.channels!.min[channel]).toBe(Math.min(...column(all('channelMin'), channel)));
      expect(tensor.channels!.max[channel]).toBe(Math.max(...column(all('channelMax'), channel)));
    }
    expect(statistics.get('r_out')!.min).toBe(0);
  });

  it('reports each sample, and leaves out what the graph does not write', async () => {
    const model = small();
    const done: number[] = [];
    const statistics = await calibrate(model, ['c_out', 'gone'], each(randomFeeds(model, 3)), {
      onSample: (n) => void done.push(n),
    });
    expect(done).toEqual([1, 2, 3]);
    expect(statistics.get('gone')!.samples).toBe(0);
  });

  it('counts samples with NaN and infinity', async () => {
    const model = small();
    const feeds = randomFeeds(model, 4);
    (feeds[1]!.x!.data as Float32Array)[5] = Number.NaN;
    (feeds[2]!.x!.data as Float32Array)[6] = Number.POSITIVE_INFINITY;
    const statistics = await calibrate(model, ['x', 'c_out'], each(feeds));
    expect(statistics.get('x')!.notFinite).toBe(2);
    expect(statistics.get('c_out')!.notFinite).toBe(2);
  });

  it('knows the same of a whole as of its statistics stored and read', async () => {
    const model = small();
    const statistics = await calibrate(model, ['c_out'], each(randomFeeds(model, 3)));
    const data = statistics.get('c_out')!.toData();
    const read = TensorStatistics.fromData(JSON.parse(JSON.stringify(data)) as typeof data);
    expect(read.toData()).toEqual(data);
    expect(observe(read, 'moving-average', 'uint8')).toEqual(
      observe(statistics.get('c_out')!, 'moving-average', 'uint8'),
    );
  });
});

describe('observers', () => {
  const settings = { type: 'uint8', percentile: 99.99 } as const;
  const finite = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 });
  const samples = fc.array(fc.array(finite, { minLength: 1, maxLength: 20 }), {
    minLength: 1,
    maxLength: 10,
  });
  const statisticsOf = (lists: number[][]) => {
    const statistics = new TensorStatistics('t');
    for (const list of lists) statistics.add(value([list.length], list));
    return statistics;
  };

  it('min-max is exact', () => {
    fc.assert(
      fc.property(samples, (lists) => {
        const all = lists.flat().map((x) => x + 0); // -0 and 0 are one bound
        expect(OBSERVERS.minmax(statisticsOf(lists), settings)).toEqual({
          min: Math.min(...all),
          max: Math.max(...all),
        });
      }),
    );
  });

  it('moving average is m ← 0.99·m + 0.01·x, beginning with the first', () => {
    fc.assert(
      fc.property(samples, (lists) => {
        const mean = (extremes: number[]) =>
          extremes.slice(1).reduce((m, x) => 0.99 * m + 0.01 * x, extremes[0]!);
        const { min, max } = OBSERVERS['moving-average'](statisticsOf(lists), settings);
        const low = lists.map((l) => Math.min(...l));
        const high = lists.map((l) => Math.max(...l));
        const size = Math.max(...lists.flat().map(Math.abs), 1);
        expect(Math.abs(min - mean(low))).toBeLessThanOrEqual(1e-9 * size);
        expect(Math.abs(max - mean(high))).toBeLessThanOrEqual(1e-9 * size);
      }),
    );
  });

  it('the histograms of two halves are that of the whole', () => {
    fc.assert(
      fc.property(samples, fc.nat(10), (lists, at) => {
        const [a, b] = [statisticsOf(lists.slice(0, at)), statisticsOf(lists.slice(at))];
        const whole = statisticsOf(lists).histogram;
        const merged = a.histogram.merge(b.histogram);
        for (let bin = 0; bin < BIN_COUNT; bin++)
          if (merged.countOf(bin) !== whole.countOf(bin)) expect.fail(`bin ${bin}`);
        expect([merged.min, merged.max]).toEqual([whole.min, whole.max]);
        expect(a.moments.merge(b.moments).min).toBe(statisticsOf(lists).min);
      }),
    );
  });

  it.each<[string, number[][], string]>([
    ['nothing', [], 'empty'],
    ['zeros', [[0, 0]], 'zero'],
    ['one value', [[2, 2], [2]], 'constant'],
  ])('says that %s makes no range', (_, lists, oddity) => {
    expect(observe(statisticsOf(lists), 'minmax', 'uint8').oddity).toBe(oddity);
  });

  it('ignores tensors that are not float32', () => {
    const statistics = new TensorStatistics('t');
    statistics.add({ type: 'int64', dims: [2], data: BigInt64Array.of(1n, 2n) });
    expect(statistics.samples).toBe(0);
  });
});

describe('channelAxisOf', () => {
  it.each([
    [[4], null],
    [[2, 8], 1],
    [[2, 3, 8], 2],
    [[1, 16, 4, 4], 1],
    [[1, 16, 4, 4, 4], 1],
  ])('%j → %s', (dims, axis) => expect(channelAxisOf(dims)).toBe(axis));

  it('keeps no ranges where the number of channels changes', () => {
    const statistics = new TensorStatistics('t');
    statistics.add(value([1, 2], [1, 2]));
    expect(statistics.channels!.max).toEqual(Float32Array.of(1, 2));
    statistics.add(value([1, 3], [1, 2, 3]));
    expect(statistics.channels).toBeNull();
    statistics.add(value([1, 2], [1, 2]));
    expect(statistics.toData().channels).toBeNull();
  });
});
