import { relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { glob, isGlob } from '../../src/data/glob';
import { tempFolder } from './temp';

const { dir, put } = tempFolder();
for (const file of [
  'a.jpg',
  'b.JPG',
  'c.png',
  'notes.txt',
  '.hidden.jpg',
  'cats/1.jpg',
  'cats/2.png',
  'dogs/1.jpg',
  'dogs/deep/3.jpg',
  'od[d/x(1).jpg',
])
  put(file, '');

describe('globs', () => {
  it.each([
    ['*.jpg', ['a.jpg']],
    ['*.{jpg,png}', ['a.jpg', 'c.png']],
    ['?.png', ['c.png']],
    ['[ab].*', ['a.jpg', 'b.JPG']],
    ['[!a].*', ['b.JPG', 'c.png']],
    ['.*.jpg', ['.hidden.jpg']],
    ['*/1.jpg', ['cats/1.jpg', 'dogs/1.jpg']],
    ['{cats,dogs}/*.jpg', ['cats/1.jpg', 'dogs/1.jpg']],
    ['**/*.jpg', ['a.jpg', 'cats/1.jpg', 'dogs/1.jpg', 'dogs/deep/3.jpg', 'od[d/x(1).jpg']],
    ['dogs/**', ['dogs', 'dogs/deep']],
    ['dogs/**/*.jpg', ['dogs/1.jpg', 'dogs/deep/3.jpg']],
    ['./cats/*', ['cats/1.jpg', 'cats/2.png']],
    ['cats/../dogs/?.jpg', ['dogs/1.jpg']],
    ['*/x(*).jpg', ['od[d/x(1).jpg']],
    ['nowhere/*', []],
    ['*.gif', []],
    ['a.jpg/*', []],
    ['cats\\*.png', ['cats/2.png']],
  ])('%s', async (pattern, expected) => {
    const found = await glob(pattern, dir);
    const insensitive = process.platform === 'win32' || process.platform === 'darwin';
    const names = found.map((file) => relative(dir, file).replaceAll('\\', '/'));
    expect(
      insensitive ? names.filter((n) => n !== 'b.JPG' || expected.includes(n as never)) : names,
    ).toEqual(expected);
  });

  it('take absolute patterns', async () => {
    expect(await glob(`${dir}/*.png`, '/')).toHaveLength(1);
  });

  it.each([
    ['a.jpg', false],
    ['a{1}.jpg', false],
    ['{a,b}', true],
    ['a*', true],
    ['a?', true],
    ['[a]', true],
  ])('%s is one: %s', (path, expected) => {
    expect(isGlob(path)).toBe(expected);
  });
});
