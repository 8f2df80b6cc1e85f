import { describe, expect, it } from 'vitest';
import { openData } from '../../src/data/open';
import type { DataSpec, InputSpec } from '../../src/data/source';
import { input } from './temp';

const open = (inputs: InputSpec[], rest: Partial<DataSpec> = {}) =>
  openData({ data: 'random', baseDir: '.', inputs, samples: 4, ...rest });

describe('random data', () => {
  it('is marked, seeded, and the same in any order', async () => {
    const inputs = [input('x', [null, 3])];
    const [a, b, c] = await Promise.all([open(inputs), open(inputs), open(inputs, { seed: 1 })]);
    expect([a.random, a.name, a.count]).toEqual([true, 'random', 4]);
    const third = await a.sample(3);
    await a.sample(0);
    expect(await b.sample(3)).toEqual(third);
    expect(await a.sample(3)).toEqual(third);
    expect(await a.sample(2)).not.toEqual(third);
    expect(await c.sample(3)).not.toEqual(third);
    expect(await a.key()).toBe(await b.key());
    expect(await a.key()).not.toBe(await c.key());
  });

  it('is standard normal, or within the range', async () => {
    const source = await open([input('x', [1, 20_000]), input('y', [1, 20_000])], {
      inputShapes: { y: { range: [2, 3] } },
    });
    const { x, y } = await source.sample(0);
    const mean = (data: unknown) =>
      (data as Float32Array).reduce((a, v) => a + v, 0) / (data as Float32Array).length;
    expect(Math.abs(mean(x!.data))).toBeLessThan(0.03);
    expect(mean((x!.data as Float32Array).map((v) => v * v))).toBeCloseTo(1, 1);
    expect(mean(y!.data)).toBeCloseTo(2.5, 1);
    expect(Math.min(...(y!.data as Float32Array))).toBeGreaterThanOrEqual(2);
    expect(Math.max(...(y!.data as Float32Array))).toBeLessThanOrEqual(3);
  });

  it.each([
    ['int64', undefined, [0n, 1n]],
    ['int64', [0, 3], [0n, 1n, 2n, 3n]],
    ['int32', [-1, 1], [-1, 0, 1]],
    ['uint8', [254, 255], [254, 255]],
    ['bool', undefined, [0, 1]],
  ] as const)('of %s within %o has both ends', async (type, range, values) => {
    const source = await open(
      [input('x', [200], type)],
      range ? { inputShapes: { x: { range } } } : {},
    );
    const found = new Set<number | bigint>((await source.sample(0)).x!.data as Iterable<number>);
    expect([...found].sort((a, b) => Number(a) - Number(b))).toEqual(values);
  });

  it.each([
    ['a leading open axis is one', [null, 3], undefined, [1, 3]],
    ['a leading name is one', ['batch', 3], undefined, [1, 3]],
    ['the recipe fixes the others', ['batch', 'seq'], [2, 5], [2, 5]],
    ['nothing is a number', [], undefined, []],
  ] as [string, InputSpec['shape'], number[] | undefined, number[]][])(
    '%s',
    async (_, shape, given, dims) => {
      const source = await open(
        [input('x', shape)],
        given ? { inputShapes: { x: { shape: given } } } : {},
      );
      expect((await source.sample(0)).x!.dims).toEqual(dims);
    },
  );

  it.each([
    ['an open axis', [input('ids', ['batch', 'seq'], 'int64')], {}, 'data.open-shape'],
    ['a contradiction', [input('x', [1, 3])], { x: { shape: [1, 4] } }, 'data.wrong-shape'],
    ['text', [input('x', [1], 'string')], {}, 'data.wrong-type'],
  ] as [string, InputSpec[], DataSpec['inputShapes'], string][])(
    'refuses %s',
    async (_, inputs, inputShapes, code) => {
      await expect(open(inputs, { inputShapes: inputShapes! })).rejects.toMatchObject({
        code,
        place: { tensor: inputs[0]!.name, remedy: expect.any(String) },
      });
    },
  );

  it('says how an open axis is closed', async () => {
    await expect(open([input('ids', ['b', 'seq'], 'int64')])).rejects.toMatchObject({
      place: { remedy: expect.stringContaining('inputs: { ids: { shape: [1, …] } }') },
    });
  });
});
