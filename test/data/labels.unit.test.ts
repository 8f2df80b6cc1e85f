import { copyFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openLabels, type Labels } from '../../src/data/labels';
import { openData } from '../../src/data/open';
import { fixture } from './shared';
import { count, input, npy, tempFolder } from './temp';

const { dir, put } = tempFolder();
put('x.npy', npy([4, 2], count(8)));
for (const name of ['img/b/1.jpg', 'img/a/1.jpg', 'img/a/2.jpg', 'flat/p.jpg', 'flat/q.jpg'])
  copyFileSync(fixture('noise.jpg'), put(name, ''));

const sources = {
  array: () => openData({ data: 'x.npy', baseDir: dir, inputs: [input('x', [1, 2])] }),
  half: () => openData({ data: 'x.npy', baseDir: dir, samples: 2, inputs: [input('x', [1, 2])] }),
  classes: () => openData({ data: 'img', baseDir: dir, inputs: [input('x', [1, 3, 8, 8])] }),
  flat: () => openData({ data: 'flat', baseDir: dir, inputs: [input('x', [1, 3, 8, 8])] }),
};
const open = async (kind: keyof typeof sources, labels?: string) => {
  const source = await sources[kind]();
  return { source, labels: await openLabels({ labels, baseDir: dir }, source) };
};
const all = ({ source, labels }: { source: { count: number }; labels: Labels | null }) =>
  count(source.count).map((i) => Array.from(labels!.of(i).values));

describe('labels', () => {
  it('from class folders', async () => {
    expect(all(await open('classes'))).toEqual([[0], [0], [1]]);
    expect((await open('flat')).labels).toBeNull();
  });

  it('from .npy of integers are classes', async () => {
    put('y.npy', npy([4], [3, 1, 4, 1], '<i8'));
    put('seq.npy', npy([4, 2], count(8), '<i8'));
    expect((await open('array', 'y.npy')).labels!.kind).toBe('class');
    expect(all(await open('array', 'y.npy'))).toEqual([[3], [1], [4], [1]]);
    expect(all(await open('half', 'y.npy'))).toEqual([[3], [4]]);
    expect(all(await open('array', 'seq.npy'))).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
      [6, 7],
    ]);
  });

  it('from .npy of floats are targets of any shape', async () => {
    put('t.npy', npy([4, 1, 2], count(8)));
    expect((await open('half', 't.npy')).labels!.kind).toBe('target');
    expect(all(await open('half', 't.npy'))).toEqual([
      [0, 1],
      [4, 5],
    ]);
  });

  it.each([
    ['with a header', 'file,label\nflat/q.jpg,7\nflat/p.jpg,2\n', [[2], [7]]],
    ['by base name', 'file,label\nq.jpg,7\np.jpg,2\n', [[2], [7]]],
    [
      'with other columns',
      'file,wnid,class_index_0_999,name\nq.jpg,n01,7,tench\np.jpg,n02,2,hen\n',
      [[2], [7]],
    ],
    ['without a header', 'q.jpg,7\np.jpg,2\n', [[2], [7]]],
    ['with more rows than pictures', 'file,label\nz.jpg,9\nq.jpg,7\np.jpg,2\n', [[2], [7]]],
    ['with a label that is not last', 'label,file,note\n7,q.jpg,1\n2,p.jpg,1\n', [[2], [7]]],
    ['of Windows', '\ufefffile,label\r\nflat\\q.jpg,7\r\nflat\\p.jpg,2\r\n', [[2], [7]]],
    ['with targets', 'file,label\nq.jpg,0.5\np.jpg,2\n', [[2], [0.5]]],
    ['with only labels', 'label\n2\n7\n', [[2], [7]]],
    ['with only numbers', '2\n7\n', [[2], [7]]],
  ])('from CSV %s', async (_, text, expected) => {
    put('l.csv', text);
    expect(all(await open('flat', 'l.csv'))).toEqual(expected);
  });

  it('from CSV go by order where there are no pictures', async () => {
    put('l.csv', 'file,label\na,5\nb,6\nc,7\nd,8\n');
    expect(all(await open('half', 'l.csv'))).toEqual([[5], [7]]);
  });

  it('with the same base name need their folders', async () => {
    put('l.csv', 'file,label\na/1.jpg,1\nb/1.jpg,2\na/2.jpg,3\n');
    expect(all(await open('classes', 'l.csv'))).toEqual([[1], [3], [2]]);
    put('twice.csv', 'file,label\nx/1.jpg,1\ny/1.jpg,2\n2.jpg,3\n');
    const { labels } = await open('classes', 'twice.csv');
    expect(() => labels!.of(0)).toThrow(expect.objectContaining({ code: 'data.labels' }));
  });

  it.each([
    ['missing.csv', undefined, 'data.not-found'],
    ['l.csv', 'file,label\na,1\nb,2,3\n', 'data.ragged'],
    ['l.csv', 'file,label\na,1\n"b,2\n', 'data.bad-format'],
    ['l.csv', '', 'data.empty'],
    ['l.csv', 'file,label\na,1\nb,2\n', 'data.labels'],
    ['l.csv', 'file,label\na,1\nb,cat\nc,2\nd,2\n', 'data.labels'],
    ['l.json', '[]', 'data.bad-format'],
    ['l.npy', 'no array', 'data.bad-format'],
    ['short.npy', npy([3], [1, 2, 3]), 'data.labels'],
  ] as const)('%s with %o: %s', async (file, contents, code) => {
    if (contents !== undefined) put(file, contents);
    await expect(open('array', file)).rejects.toMatchObject({
      code,
      place: { file: expect.stringContaining(file), remedy: expect.any(String) },
    });
  });

  it('name the line that is wrong', async () => {
    put('l.csv', 'file,label\na,1\n\nb,2,3\n');
    await expect(open('array', 'l.csv')).rejects.toMatchObject({ place: { line: 4 } });
    put('l.csv', 'file,label\na,1\nb,cat\n');
    await expect(open('array', 'l.csv')).rejects.toMatchObject({ place: { line: 3 } });
  });

  it('name the picture that has none', async () => {
    put('l.csv', 'file,label\np.jpg,1\n');
    const { labels } = await open('flat', 'l.csv');
    expect(labels!.of(0).values[0]).toBe(1);
    expect(() => labels!.of(1)).toThrow(
      expect.objectContaining({ code: 'data.labels', message: expect.stringContaining('q.jpg') }),
    );
  });
});
