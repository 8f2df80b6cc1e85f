import { create, toBinary } from '@bufbuild/protobuf';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openData } from '../../src/data/open';
import { spread } from '../../src/data/select';
import type { DataSpec, InputSpec } from '../../src/data/source';
import { TensorProtoSchema } from '../../src/onnx/gen/onnx_pb';
import { makeTensor } from '../../src/onnx/tensor';
import { fixture } from './shared';
import { count, input, npy, npyFixture, tempFolder } from './temp';

const { dir, put } = tempFolder();
const open = (data: DataSpec['data'], inputs: InputSpec[], rest: Partial<DataSpec> = {}) =>
  openData({ data, baseDir: dir, inputs, ...rest });
const flat = (data: unknown) => Array.from(data as ArrayLike<number>, Number);

describe('arrays', () => {
  put('x.npy', npy([6, 2], count(12)));
  put('whole.npy', npy([3, 1, 2], count(6)));
  put('one.npy', npy([2], [5, 6]));

  it.each([
    ['the rank of the input: axis 0 is the sample', 'x.npy', [null, 2], [1, 2], 6],
    ['one more: each is a whole input', 'whole.npy', [1, 2], [1, 2], 3],
    ['one more, any batch', 'whole.npy', ['n', 'm'], [1, 2], 3],
    ['numbers', 'one.npy', [], [], 2],
    ['a batch of one each', 'one.npy', ['n'], [1], 2],
  ] as [string, string, (number | null)[], number[], number][])(
    '%s',
    async (_, file, shape, dims, samples) => {
      const source = await open(file, [input('x', shape)]);
      expect(source.count).toBe(samples);
      const size = dims.reduce((a, b) => a * b, 1);
      for (const i of [samples - 1, 0]) {
        const { x } = await source.sample(i);
        expect(x!.dims).toEqual(dims);
        expect(flat(x!.data)).toEqual(
          count(size).map((k) => i * size + k + (file === 'one.npy' ? 5 : 0)),
        );
      }
    },
  );

  it.each(['two.npz', 'two_compressed.npz', 'two_zip64.npz'])(
    '%s has one array for each input',
    async (name) => {
      const inputs = [input('s', [1, 2]), input('x', ['n', 3, 4])];
      const source = await open(fixture(name), inputs);
      expect(source.count).toBe(3);
      const { x, s } = await source.sample(2);
      expect([s!.type, s!.dims, flat(s!.data)]).toEqual(['float32', [1, 2], [4, 5]]);
      expect([x!.dims, flat(x!.data)]).toEqual([[1, 3, 4], count(12).map((i) => i + 24)]);
      expect(source.origin(2)).toEqual({ file: fixture(name), index: 2 });
    },
  );

  it('Fortran order reads like C order', async () => {
    put('f.npy', await npyFixture('f4_F_little'));
    put('c.npy', await npyFixture('f4_C_little'));
    const [f, c] = await Promise.all(
      ['f.npy', 'c.npy'].map((name) => open(name, [input('x', [1, 3, 4])])),
    );
    expect(await f!.sample(1)).toEqual(await c!.sample(1));
  });

  it('become the type of the input', async () => {
    put('ids.npy', npy([2, 3], [1, 2, 3, 4, 5, 6], '<i8'));
    const { ids } = await (await open('ids.npy', [input('ids', [1, 3], 'int32')])).sample(1);
    expect(ids).toEqual({ type: 'int32', dims: [1, 3], data: Int32Array.of(4, 5, 6) });
  });

  it('of several files follow each other', async () => {
    const source = await open(['whole.npy', 'x.npy'], [input('x', [1, 2])]);
    expect(source.count).toBe(9);
    expect(flat((await source.sample(3)).x!.data)).toEqual([0, 1]);
    expect(source.origin(8)).toEqual({ file: join(dir, 'x.npy'), index: 5 });
    expect((await open('{whole,x}.npy', [input('x', [1, 2])])).count).toBe(9);
  });

  it('are thinned out evenly', async () => {
    const source = await open('x.npy', [input('x', [1, 2])], { samples: 3 });
    expect([source.count, source.total]).toEqual([3, 6]);
    expect(
      await Promise.all([0, 1, 2].map(async (i) => flat((await source.sample(i)).x!.data)[0])),
    ).toEqual([0, 4, 8]);
    expect([0, 1, 2].map((i) => source.position(i))).toEqual([0, 2, 4]);
    await expect(source.sample(3)).rejects.toThrow(RangeError);
  });

  it('are kept as they are', async () => {
    const source = await open('x.npy', [input('x', [1, 2])]);
    const held = await source.hold(2);
    expect([held.bytes, held.feed()]).toEqual([8, await source.sample(2)]);
    expect(source.fresh).toBe(false);
    await expect(source.hold(6)).rejects.toThrow(RangeError);
  });

  it('with NaNs are used and reported', async () => {
    put('nan.npy', npy([3, 2], [1, NaN, 3, 4, Infinity, 6]));
    const source = await open('nan.npy', [input('x', [1, 2])]);
    expect(source.notes).toEqual([]);
    for (const i of [0, 1, 2, 2]) await source.sample(i);
    expect(source.notes).toEqual([
      expect.objectContaining({
        code: 'data.not-finite',
        tensor: 'x',
        file: join(dir, 'nan.npy'),
        message: expect.stringMatching(/^2 samples .* sample 0, element 1 \(NaN\)/),
      }),
    ]);
  });

  it('have keys by content and settings', async () => {
    put('same.npy', npy([6, 2], count(12)));
    mkdirSync(join(dir, 'copy'), { recursive: true });
    copyFileSync(join(dir, 'x.npy'), join(dir, 'copy/x.npy'));
    const key = async (file: string, samples?: number) =>
      (await open(file, [input('x', [1, 2])], samples ? { samples } : {})).key();
    expect(await key('copy/x.npy')).toBe(await key('x.npy'));
    expect(await key('whole.npy')).not.toBe(await key('x.npy'));
    expect(await key('x.npy', 3)).not.toBe(await key('x.npy'));
  });
});

describe('ONNX test data', () => {
  const save = (file: string, name: string, dims: number[], values: number[]) =>
    put(
      file,
      toBinary(TensorProtoSchema, makeTensor(name, 'float32', dims, Float32Array.from(values))),
    );
  for (const i of count(12)) {
    save(`set/test_data_set_${i}/input_0.pb`, '', [2], [i, 0]);
    save(`set/test_data_set_${i}/input_1.pb`, '', [1], [-i]);
    save(`set/test_data_set_${i}/output_0.pb`, '', [1], [9]);
  }
  save('named/input_0.pb', 'b', [1], [1]);
  save('named/input_1.pb', 'a', [2], [2, 3]);
  const inputs = [input('a', [2]), input('b', [null])];

  it('is read in the order of its numbers', async () => {
    const source = await open('set', inputs);
    expect(source.count).toBe(12);
    const { a, b } = await source.sample(10);
    expect([flat(a!.data), flat(b!.data), b!.dims]).toEqual([[10, 0], [-10], [1]]);
    expect((await open('set/test_data_set_3', inputs)).count).toBe(1);
    expect((await open('set/test_data_set_?', inputs)).count).toBe(10);
  });

  it('goes by names where it has them', async () => {
    const { a, b } = await (await open('named', inputs)).sample(0);
    expect([flat(a!.data), flat(b!.data)]).toEqual([[2, 3], [1]]);
  });

  it('may have its values in typed fields', async () => {
    const tensor = create(TensorProtoSchema, {
      dims: [2n],
      dataType: 7,
      int64Data: [3n, -4n],
    });
    put('typed/input_0.pb', toBinary(TensorProtoSchema, tensor));
    const { x } = await (await open('typed', [input('x', [2], 'int64')])).sample(0);
    expect(x!.data).toEqual(BigInt64Array.of(3n, -4n));
  });

  it.each([
    ['a missing input', 'set', [...inputs, input('c', [1])], 'data.missing-input'],
    ['another shape', 'set', [input('a', [3]), input('b', [1])], 'data.wrong-shape'],
    ['another type', 'set', [input('a', [2], 'int32'), input('b', [1])], 'data.wrong-type'],
  ] as [string, string, InputSpec[], string][])('%s is refused', async (_, data, specs, code) => {
    await expect((await open(data, specs)).sample(0)).rejects.toMatchObject({ code });
  });

  it('that is no tensor is refused', async () => {
    put('garbage/input_0.pb', 'this is not protobuf');
    await expect((await open('garbage', [input('x', [2])])).sample(0)).rejects.toMatchObject({
      code: 'data.bad-format',
      place: { file: join(dir, 'garbage/input_0.pb') },
    });
  });
});

describe('pictures', () => {
  const specs = [input('x', [null, 3, 20, 20])];
  for (const [i, name] of [
    'plain/b.jpg',
    'plain/a.JPEG',
    'cls/dog/1.jpg',
    'cls/cat/1.jpg',
    'cls/cat/0.jpg',
  ].entries()) {
    put(name, '');
    copyFileSync(fixture(i % 2 ? 'full.jpg' : 'noise.jpg'), join(dir, name));
  }
  put('plain/labels.csv', 'file,label\n');
  put('cls/empty/readme.txt', '');

  it('of a folder come by name', async () => {
    const source = await open('plain', specs);
    expect(count(2).map((i) => source.origin(i).file)).toEqual([
      join(dir, 'plain/a.JPEG'),
      join(dir, 'plain/b.jpg'),
    ]);
    expect(source.classes).toBeNull();
    expect((await source.sample(0)).x!.dims).toEqual([1, 3, 20, 20]);
    expect(source.notes.map(({ code }) => code)).toEqual(['data.image-size']);
  });

  it('of class folders have labels', async () => {
    const source = await open('cls', specs);
    expect(source.classes).toEqual(['cat', 'dog']);
    expect(count(3).map((i) => source.classOf(i))).toEqual([0, 0, 1]);
  });

  it('of a glob are all that match', async () => {
    expect((await open('**/*.{jpg,JPEG}', specs)).count).toBe(5);
    expect((await open('plain/*', specs)).count).toBe(2); // labels.csv is left out
    expect((await open('plain/b.jpg', specs)).count).toBe(1);
  });

  it('have keys that the settings change', async () => {
    const key = async (image: DataSpec['image']) =>
      (await open('plain', specs, image ? { image } : {})).key();
    expect(await key({ crop: 20 })).not.toBe(await key({ resize: [20, 20] }));
  });

  it('that cannot be read are named', async () => {
    copyFileSync(fixture('text.jpg'), put('bad/x.jpg', ''));
    await expect((await open('bad', specs)).sample(0)).rejects.toMatchObject({
      code: 'data.bad-image',
      place: { file: join(dir, 'bad/x.jpg') },
    });
  });
});

describe('what cannot be opened', () => {
  put('empty/.keep', '');
  put('text.txt', 'hello');
  put('none.npy', npy([0, 2], []));
  put('cut.npy', npy([6, 2], count(12)).subarray(0, 140));
  put('pair.npz', '');
  const one = [input('x', [1, 2])];
  it.each([
    ['nowhere', one, 'data.not-found'],
    ['nowhere/*.jpg', one, 'data.empty'],
    ['empty', one, 'data.empty'],
    ['none.npy', one, 'data.empty'],
    ['text.txt', one, 'data.bad-format'],
    ['cut.npy', one, 'data.bad-format'],
    ['pair.npz', one, 'data.bad-format'],
    ['x.npy', [input('x', [1, 3])], 'data.wrong-shape'],
    ['x.npy', [input('x', [1, 1, 1, 2])], 'data.wrong-shape'],
    ['x.npy', [input('x', [1])], 'data.wrong-shape'],
    ['x.npy', [input('x', [4, 2])], 'data.wrong-shape'],
    ['x.npy', [input('x', [1, 2], 'int64')], 'data.wrong-type'],
    ['x.npy', [input('x', [1, 2]), input('h', [1, 2])], 'data.missing-input'],
    [fixture('two.npz'), [input('x', [1, 3, 4]), input('h', [1, 2])], 'data.missing-input'],
    [fixture('two.npz'), [input('x', [1, 3, 4]), input('s', [3, 1, 2])], 'data.wrong-shape'],
    ['plain', [input('x', [1, 2])], 'data.wrong-shape'],
    ['plain', [input('x', [1, 3, 8, 8], 'int64')], 'data.wrong-type'],
    ['plain', [input('x', [1, 3, 8, 8]), input('h', [1, 2])], 'data.missing-input'],
  ] as [string, InputSpec[], string][])('%s for %o: %s', async (data, inputs, code) => {
    await expect(open(data, inputs)).rejects.toMatchObject({
      code,
      place: { file: expect.any(String), remedy: expect.any(String) },
    });
  });
});

describe('a spread of samples', () => {
  it.each([
    [10, 3, [0, 3, 6]],
    [3, 10, [0, 1, 2]],
    [200, 4, [0, 50, 100, 150]],
    [0, 5, []],
  ])('%i, %i of them', (total, wanted, expected) => {
    expect(spread(total, wanted)).toEqual(expected);
  });
});
