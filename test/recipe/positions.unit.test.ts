import { describe, expect, it } from 'vitest';
import { readText } from '../../src/recipe/document';
import type { Path } from '../../src/recipe/json-schema';
import { keepLines, rangeOf, type Part } from '../../src/recipe/positions';

const text = `model: m.onnx   # where
calibration:
  data: &d [a, b]   # c
  image:
keep_fp32:
  - /a  # x
  - op: Conv

evaluate: { data: *d, image: { resize: 3 } }
`;

describe('rangeOf', () => {
  it.each([
    [['model'], undefined, 'm.onnx'],
    [['model'], 'key', 'model'],
    [['model'], 'pair', 'model: m.onnx'],
    [['calibration', 'data'], undefined, '[a, b]'],
    [['calibration', 'data', 1], undefined, 'b'],
    [['calibration', 'image'], undefined, 'image'],
    [['calibration', 'image'], 'pair', 'image:'],
    [['calibration', 'image'], 'value', ''],
    [['calibration'], 'value', 'data: &d [a, b]   # c\n  image:'],
    [['keep_fp32', 1], undefined, 'op: Conv'],
    [['keep_fp32'], 'pair', 'keep_fp32:\n  - /a  # x\n  - op: Conv'],
    [['keep_fp32', 1, 'op'], undefined, 'Conv'],
    [['evaluate', 'image', 'resize'], undefined, '3'],
    [['evaluate', 'data', 0], undefined, 'a'],
    [['keep_fp32', 2], undefined, undefined],
    [['nothing'], undefined, undefined],
    [['model', 'inner'], undefined, undefined],
  ] as [Path, Part | undefined, string | undefined][])('%j %s', (path, part, wanted) => {
    const range = rangeOf(readText(text), path, part);
    expect(range && text.slice(range.start, range.end)).toBe(wanted);
  });

  it('has no ranges in a text that is refused', () => {
    expect(rangeOf(readText('['.repeat(1000)), ['model'])).toBeUndefined();
  });
});

describe('keepLines', () => {
  const layers = [
    { name: '/a', op: 'Gemm' },
    { name: '/b', op: 'Conv' },
    { name: '/c', op: 'Conv' },
    { name: '/d', op: 'Add' },
    { name: '__proto__', op: 'Conv' },
  ];

  it('tells which line keeps each layer', () => {
    const lines = keepLines(`${text}layers: [{ match: /c, precision: int8 }]\n`, layers);
    expect(Object.entries(lines)).toEqual([
      ['/a', 6],
      ['/b', 7],
      ['__proto__', 7],
    ]);
  });

  it('is empty for anything that is no recipe', () => {
    for (const other of ['', '[1]', 'keep_fp32: {{', '['.repeat(1000), 'keep_fp32: 3'])
      expect(keepLines(other, layers)).toEqual({});
  });

  it('works while other parts are wrong', () => {
    expect(keepLines('modle: x\nkeep_fp32: /a\n', layers)).toEqual({ '/a': 2 });
    expect(keepLines('layers:\n - 3\n - { match: /b, precision: fp32, x: 1 }\n', layers)).toEqual({
      '/b': 3,
    });
  });
});
