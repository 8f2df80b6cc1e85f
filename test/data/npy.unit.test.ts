import { describe, expect, it } from 'vitest';
import { fileBytes, memoryBytes } from '../../src/data/bytes';
import { toNumbers } from '../../src/data/cast';
import { npyCount, openNpy, readNpy, readNpySlice } from '../../src/data/npy';
import { listNpz, openNpz } from '../../src/data/npz';
import { fixture } from './shared';
import { count, npyFixture, tempFolder } from './temp';

const names = await listNpz(fixture('npys.zip'));
const base = count(24);
/** What make.py put into an array of each type. */
const expected = (name: string) => {
  if (name.startsWith('f4_v')) return base;
  if (name.startsWith('f')) return base.map((i) => i * 1.25 - 3);
  if (name.startsWith('b')) return base.map((i) => i % 2);
  if (name === 'u1_C_little' || name.startsWith('u')) return base.map((i) => i * 5);
  return base.map((i) => i * -5);
};
const open = async (name: string) => openNpy(memoryBytes(name, await npyFixture(name)), name);

describe('array files', () => {
  it.each(names.filter((name) => /^[fiub]\d/.test(name)))('%s', async (name) => {
    const array = await open(name);
    expect(array.dims).toEqual([2, 3, 4]);
    expect(array.fortran).toBe(name.includes('_F'));
    const values = Array.from(toNumbers(await readNpy(array), array.type));
    expect(values).toEqual(expected(name).map((x) => x + 0));
    if (array.fortran) await expect(readNpySlice(array, 0, 1)).rejects.toThrow(RangeError);
    else {
      const slice = Array.from(toNumbers(await readNpySlice(array, 5, 7), array.type));
      expect(slice).toEqual(values.slice(5, 12));
    }
  });

  it('may hold one number', async () => {
    const array = await open('scalar');
    expect([array.dims, npyCount(array)]).toEqual([[], 1]);
    expect(await readNpy(array)).toEqual(Float32Array.of(3.5));
  });

  it.each(['text', 'complex', 'records'])('of %s are refused', async (name) => {
    await expect(open(name)).rejects.toMatchObject({ code: 'data.wrong-type' });
  });

  it('that are cut anywhere are refused', async () => {
    const bytes = await npyFixture('f4_C_little');
    for (const length of [0, 5, 9, 10, 50, 128, bytes.length - 1])
      await expect(
        openNpy(memoryBytes('x.npy', bytes.slice(0, length))),
        `${length} bytes`,
      ).rejects.toMatchObject({ code: 'data.bad-format', place: { file: 'x.npy' } });
  });

  it.each([
    ['another magic', 0, 0x50],
    ['an unknown version', 6, 9],
    ['a broken header', 12, 0x40],
  ])('with %s are refused', async (_, at, byte) => {
    const bytes = await npyFixture('f4_C_little');
    bytes[at] = byte;
    await expect(openNpy(memoryBytes('x.npy', bytes))).rejects.toMatchObject({
      code: 'data.bad-format',
    });
  });
});

describe('archives', () => {
  const { put } = tempFolder();

  it.each(['two.npz', 'two_compressed.npz', 'two_zip64.npz'])('%s', async (name) => {
    expect(await listNpz(fixture(name))).toEqual(['x', 's']);
    const arrays = await openNpz(fixture(name));
    const x = arrays.get('x')!;
    const s = arrays.get('s')!;
    expect([x.dims, x.type, s.dims, s.type]).toEqual([[3, 3, 4], 'float32', [3, 1, 2], 'float64']);
    expect(Array.from((await readNpySlice(x, 12, 12)) as Float32Array)).toEqual(
      count(12).map((i) => i + 12),
    );
    expect(await readNpy(s)).toEqual(Float64Array.from(count(6)));
    expect([...(await openNpz(fixture(name), (entry) => entry === 's')).keys()]).toEqual(['s']);
  });

  it.each(['two.npz', 'two_compressed.npz', 'two_zip64.npz'])(
    '%s is refused wherever it is cut',
    async (name) => {
      const bytes = await (await fileBytes(fixture(name))).read(0, 400);
      for (const length of [0, 10, 100, 400]) {
        const file = put(`cut-${length}-${name}`, bytes.subarray(0, length));
        await expect(openNpz(file)).rejects.toMatchObject({
          code: 'data.bad-format',
          place: { file },
        });
      }
    },
  );

  it('with a damaged entry is refused', async () => {
    const source = await fileBytes(fixture('two_compressed.npz'));
    const bytes = await source.read(0, source.size);
    bytes.fill(0xff, 40, 120);
    await expect(openNpz(put('damaged.npz', bytes))).rejects.toMatchObject({
      code: 'data.bad-format',
    });
  });

  it('that is not there is not found', async () => {
    await expect(openNpz('nowhere.npz')).rejects.toMatchObject({ code: 'data.not-found' });
  });
});
