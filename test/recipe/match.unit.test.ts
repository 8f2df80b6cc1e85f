import fc from '../lib/property';
import { describe, expect, it } from 'vitest';
import { globMatch, matchLayers, planLayers, type NamedLayer } from '../../src/recipe/match';

const layers: NamedLayer[] = [
  { name: '/conv1', op: 'Conv', absorbed: ['/bn1', '/relu1'] },
  { name: '/head/conv2', op: 'Conv', absorbed: [] },
  { name: '/head/fc', op: 'Gemm' },
  { name: 'a[0].b:0*', op: 'MatMul' },
];

describe('globMatch', () => {
  it.each([
    ['*', '', true],
    ['*', 'a/b', true],
    ['/head/*', '/head/a/b', true],
    ['/head/*', '/heads', false],
    ['?', '', false],
    ['a?c', 'abc', true],
    ['a.c', 'abc', false],
    ['[ab]', 'a', false],
    ['[ab]*', '[ab]/x', true],
    ['*b*d', 'abcbd', true],
    ['*b*d', 'abcbde', false],
    ['a**', 'a', true],
  ])('%s ~ %s', (glob, text, matches) => {
    expect(globMatch(glob, text)).toBe(matches);
  });

  it('agrees with a regular expression', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '.'), maxLength: 8 });
    fc.assert(
      fc.property(
        word,
        fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 10 }),
        (g, t) => {
          const pattern = g.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.');
          expect(globMatch(g, t)).toBe(new RegExp(`^${pattern}$`).test(t));
        },
      ),
    );
  });

  it('takes no time for hostile globs', () => {
    expect(globMatch(`${'*a'.repeat(500)}b`, 'a'.repeat(5000))).toBe(false);
  });
});

describe('matchLayers', () => {
  it.each([
    ['/conv1', ['/conv1']],
    ['/relu1', ['/conv1']],
    ['/bn*', ['/conv1']],
    ['/head/*', ['/head/conv2', '/head/fc']],
    ['a[0].b:0*', ['a[0].b:0*']],
    [{ op: 'conv' }, ['/conv1', '/head/conv2']],
    [{ op: 'Softmax' }, []],
    ['Conv', []],
    ['', []],
  ])('%j', (pattern, matches) => {
    expect(matchLayers([pattern], layers)).toEqual([{ pattern, matches }]);
  });
});

describe('planLayers', () => {
  const plan = (choices: Partial<Parameters<typeof planLayers>[0]>) =>
    Object.fromEntries(
      [...planLayers({ keepFp32: [], layers: [], ...choices }, layers)]
        .filter(([, { by, observer }]) => by ?? observer)
        .map(([name, { keep, by, observer }]) => [name, [keep, by?.join('.'), observer]]),
    );

  it('lets exact names decide before rules, and rules before globs', () => {
    expect(
      plan({
        keepFp32: ['/head/*', '/head/fc'],
        layers: [{ match: '/head/*', precision: 'int8' }],
      }),
    ).toEqual({
      '/head/conv2': [false, 'layers.0', null],
      '/head/fc': [true, 'keep_fp32.1', null],
    });
  });

  it('lets the last rule decide, each key for itself', () => {
    expect(
      plan({
        layers: [
          { match: { op: 'Conv' }, precision: 'fp32', observer: 'moving-average' },
          { match: '/conv1', precision: 'int8' },
        ],
      }),
    ).toEqual({
      '/conv1': [false, 'layers.1', 'moving-average'],
      '/head/conv2': [true, 'layers.0', 'moving-average'],
    });
  });

  it('keeps what a glob or operator covers', () => {
    expect(plan({ keepFp32: [{ op: 'Gemm' }, '/conv?'] })).toEqual({
      '/conv1': [true, 'keep_fp32.1', null],
      '/head/fc': [true, 'keep_fp32.0', null],
    });
  });
});
