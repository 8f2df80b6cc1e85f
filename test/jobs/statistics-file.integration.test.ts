/** Files of statistics that were damaged on their way are refused by file and tensor. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { calibrateRecipe } from '../../src/jobs/calibrate';
import { Memory } from '../../src/jobs/memory';
import { mergeFiles } from '../../src/jobs/merge';
import { readStatisticsFile, type StatisticsFile } from '../../src/jobs/statistics-file';
import { flawOf } from '../../src/jobs/statistics-schema';
import { TensorStatistics, type StatisticsData } from '../../src/quantize/statistics';
import { temporaryFolder } from '../lib/files';
import { WORKER } from '../lib/job';
import { project } from '../lib/project';

const folder = temporaryFolder();
let net: Awaited<ReturnType<typeof project>>;
let text: string;

beforeAll(async () => {
  net = await project(folder, 'net');
  net.write();
  for (const index of [1, 2])
    await calibrateRecipe(
      {
        recipePath: net.recipePath,
        shard: { index, of: 2 },
        statistics: net.at(`p${index}.json`),
      },
      new Memory(),
      { progress: () => undefined, partial: () => undefined },
      WORKER,
    );
  text = readFileSync(net.at('p1.json'), 'utf8');
});

type Histogram = NonNullable<StatisticsData['histogram']>;
const damaged = (
  change: (file: StatisticsFile, tensor: StatisticsData, histogram: Histogram) => unknown,
) => {
  const file = JSON.parse(text) as StatisticsFile;
  const tensor = file.statistics.tensors[1]!;
  change(file, tensor, tensor.histogram!);
  return JSON.stringify(file);
};
const set = (at: object, key: string, value: unknown) => Object.assign(at, { [key]: value });

describe('a file of statistics', () => {
  it('is read as it was written', async () => {
    for (const name of ['p1.json', 'p2.json'])
      expect((await readStatisticsFile(net.at(name))).statistics.tensors.length).toBeGreaterThan(2);
  });

  it.each<[string, Parameters<typeof damaged>[0], boolean]>([
    ['no marks', ({ statistics: s }) => set(s, 'marks', undefined), false],
    ['marks of others', ({ statistics: s }) => s.marks.pop(), false],
    ['no model', (file) => set(file, 'model', undefined), false],
    ['no statistics', (file) => set(file, 'statistics', undefined), false],
    ['no tensors', ({ statistics: s }) => set(s, 'tensors', []), false],
    ['a tensor less', ({ statistics: s }) => s.tensors.pop(), false],
    ['a total that is less', ({ statistics: s }) => set(s, 'total', 3), false],
    ['a sum that is none', (_, t) => set(t.moments!, 'sum', 'zz'), true],
    ['a sum beyond all', (_, t) => set(t.moments!, 'sum', '1@99999999'), true],
    ['one count', (_, __, h) => set(h, 'counts', [1]), true],
    ['other counts', (_, __, h) => set(h.counts, '0', 7), true],
    ['no histogram', (_, t) => set(t, 'histogram', undefined), true],
    ['an empty histogram', (_, t) => set(t, 'histogram', null), true],
    ['a bin beyond all', (_, __, h) => set(h.bins, '0', 1e9), true],
    ['a text for a number', (_, t) => set(t, 'min', 'abc'), true],
    ['another minimum', (_, t) => set(t, 'min', -1e9), true],
    ['positions without end', (_, t) => set(t, 'positions', [0, 1e15]), true],
    ['fewer samples', (_, t) => set(t, 'samples', 1), true],
    ['extremes cut off', (_, t) => set(t, 'sampleMin', 'AAAA'), true],
  ])('with %s is refused', async (name, change, ofTensor) => {
    const file = net.at(`${name}.json`);
    net.put(`${name}.json`, damaged(change));
    const thrown: unknown = await mergeFiles([file, net.at('p2.json')], net.at('out.json')).catch(
      (error: unknown) => error,
    );
    expect(thrown).toMatchObject({
      code: 'data.bad-format',
      place: { file, remedy: expect.any(String) },
    });
    if (ofTensor)
      expect(thrown).toMatchObject({
        place: { tensor: (JSON.parse(text) as StatisticsFile).statistics.tensors[1]!.tensor },
      });
  });

  it('of another total is no part of the same whole', async () => {
    net.put(
      'total.json',
      damaged(({ statistics }) => set(statistics, 'total', 12)),
    );
    await expect(
      mergeFiles([net.at('total.json'), net.at('p2.json')], net.at('out.json')),
    ).rejects.toMatchObject({ code: 'data.statistics-key' });
  });

  it('may hold what is not finite, and tensors without a sample', () => {
    const values = Float32Array.of(1, NaN, -2, Infinity, 0);
    const file = JSON.parse(text) as StatisticsFile;
    for (const [i, data] of [[values], [Float32Array.of(NaN)], []].entries()) {
      const made = new TensorStatistics(file.statistics.tensors[i]!.tensor);
      for (const each of data) made.add({ type: 'float32', dims: [each.length], data: each });
      file.statistics.tensors[i] = made.toData();
    }
    expect(flawOf(JSON.parse(JSON.stringify(file)))).toBeNull();
  });
});
