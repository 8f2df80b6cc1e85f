import fc from '../lib/property';
import { describe, expect, it } from 'vitest';
import { editDistance, suggest } from '../../src/recipe/suggest';

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['abc', 'abc', 0],
    ['abc', 'acb', 1],
    ['abc', 'ab', 1],
    ['minmax', 'mnimax', 1],
    ['kitten', 'sitting', 3],
    ['', 'abc', 3],
  ])('%s → %s', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  it('is symmetric, and never wrong about being within the limit', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 });
    fc.assert(
      fc.property(word, word, fc.nat(4), (a, b, limit) => {
        const exact = editDistance(a, b);
        expect(editDistance(b, a)).toBe(exact);
        const limited = editDistance(a, b, limit);
        if (exact <= limit) expect(limited).toBe(exact);
        else expect(limited).toBeGreaterThan(limit);
      }),
    );
  });
});

describe('suggest', () => {
  it.each([
    ['unit8', ['uint8', 'int8'], ['uint8']],
    ['calibraton', ['calibration', 'model'], ['calibration']],
    ['STATIC', ['static', 'dynamic'], ['static']],
    ['conv5', ['/features/conv5/Conv', '/conv55', 'fc'], ['/conv55', '/features/conv5/Conv']],
    ['zzz', ['static', 'dynamic'], []],
    ['', ['a'], []],
  ])('%s', (word, candidates, wanted) => {
    expect(suggest(word, candidates)).toEqual(wanted);
  });

  it('gives at most three, nearest first', () => {
    expect(suggest('conv1', ['conv12', 'conv2', 'conv1', 'conv3', 'conv4'])).toHaveLength(3);
    expect(suggest('conv1', ['conv12', 'conv1'])[0]).toBe('conv1');
  });
});
