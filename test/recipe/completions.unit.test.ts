import fc from '../lib/property';
import { describe, expect, it } from 'vitest';
import { completeAt } from '../../src/recipe/completions';
import { contextAt } from '../../src/recipe/context';
import { withCursor } from './cursor';

const layers = [
  { name: '/conv1', op: 'Conv', kind: 'Conv 3×3' },
  { name: 'a,b', op: 'Conv' },
  { name: '/fc', op: 'Gemm' },
];

describe('contextAt', () => {
  it.each([
    ['|', 'key', ''],
    ['mo|', 'key', ''],
    ['model: |', 'value', 'model'],
    ['model:|', 'value', 'model'],
    ['model: m\n|', 'key', ''],
    ['calibration:\n  |', 'key', 'calibration'],
    ['calibration:\n  sam|', 'key', 'calibration'],
    ['calibration:\n  data: x\n  |', 'key', 'calibration'],
    ['calibration:\n  data: x\n|', 'key', ''],
    ['calibration:\n  image:\n    fil|\nmodel: m', 'key', 'calibration.image'],
    ['calibration:\n  image:\n    filter: b|', 'value', 'calibration.image.filter'],
    ['calibration:\n  image: { filter: b| }', 'value', 'calibration.image.filter'],
    ['calibration:\n  image: { filter: box, | }', 'key', 'calibration.image'],
    ['calibration:\n  image: {\n    filter: box,\n    co|', 'key', 'calibration.image'],
    ['calibration: { image: { crop: [1, |', 'item', 'calibration.image.crop.1'],
    ['calibration: { image: { crop: [1, 2] }, |', 'key', 'calibration'],
    ['calibration: { "image": { |', 'key', 'calibration.image'],
    ["calibration: { data: 'a, {b', |", 'key', 'calibration'],
    ['calibration: { # {\n  |', 'key', 'calibration'],
    ['calibration: {} # {\n|', 'key', ''],
    ['keep_fp32:\n  - |', 'item', 'keep_fp32.0'],
    ['keep_fp32:\n  - /a\n  - /b|', 'item', 'keep_fp32.1'],
    ['keep_fp32:\n- /a\n- |', 'item', 'keep_fp32.1'],
    ['keep_fp32:\n- /a\n-|', 'item', 'keep_fp32.1'],
    ['keep_fp32:\n  |', 'key', 'keep_fp32'],
    ['keep_fp32: [/a, |]', 'item', 'keep_fp32.1'],
    ['keep_fp32: [{ op: | }]', 'value', 'keep_fp32.0.op'],
    ['keep_fp32:\n  - op: |', 'value', 'keep_fp32.0.op'],
    ['layers:\n  - match: /a\n    |', 'key', 'layers.0'],
    ['layers:\n  - match: /a\n  - precision: |', 'value', 'layers.1.precision'],
    ['# comment\n\n"calibration":\n  |', 'key', 'calibration'],
    ['model: m\r\ncalibration:\r\n  |', 'key', 'calibration'],
    ['inputs:\n  x:0:\n    |', 'key', 'inputs.x:0'],
  ])('%j', (marked, slot, path) => {
    const { text, offset } = withCursor(marked);
    const context = contextAt(text, offset);
    expect([context.slot, context.path.join('.')]).toEqual([slot, path]);
  });

  it.each([
    ['mod|el: m', 'model'],
    ['target: x86|-vnni # c', 'x86-vnni'],
    ['keep_fp32: [/a, /b|c, /d]', '/bc'],
    ['calibration: { image: { filter: |box } }', 'box'],
    ['keep_fp32:\n  - /a|b.c:0  # d', '/ab.c:0'],
    ['target: |', ''],
    ['keep_fp32: [a|:0, b]', 'a:0'],
  ])('replaces the word in %j', (marked, word) => {
    const { text, offset } = withCursor(marked);
    const { range } = contextAt(text, offset);
    expect(text.slice(range.start, range.end)).toBe(word);
  });

  it.each([
    `x${' '.repeat(300_000)}`,
    `keep_fp32: [${'"a", '.repeat(50_000)}`,
    `keep_fp32: [${'a '.repeat(100_000)}`,
    `keep_fp32: [${'"'.repeat(3_000)}`,
  ])('is soon done with hostile lines', (text) => {
    const begin = performance.now();
    completeAt(text, text.length, layers);
    expect(performance.now() - begin).toBeLessThan(5000);
  });

  it('never fails, and its range holds the cursor', () => {
    const piece = fc.constantFrom(
      'model',
      ':',
      ' ',
      '\n',
      '- ',
      '{',
      '}',
      '[',
      ']',
      ',',
      '"',
      "'",
      '#',
      'x',
      '\r\n',
      '  ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.nat(60), (pieces, at) => {
        const text = pieces.join('');
        const offset = Math.min(at, text.length);
        const { range } = contextAt(text, offset);
        expect(range.start).toBeLessThanOrEqual(range.end);
        expect(range.end).toBeLessThanOrEqual(text.length);
        expect(completeAt(text, offset, layers)).toBeInstanceOf(Array);
      }),
    );
  });
});

function complete(marked: string) {
  const { text, offset } = withCursor(marked);
  return completeAt(text, offset, layers).map((item) => ({
    ...item,
    after: text.slice(0, item.range.start) + item.insertText + text.slice(item.range.end),
  }));
}
const labels = (marked: string) => complete(marked).map(({ label }) => label);

describe('completeAt', () => {
  it('offers a module beside the words for a metric', () => {
    expect(labels('evaluate:\n  metric: |')).toEqual([
      ...['top1', 'top5', 'cross-entropy', 'mse', 'mae', 'sqnr', 'agreement', './FILE.mjs'],
    ]);
  });

  it('offers the keys that are not there yet', () => {
    expect(labels('model: m\n|')).not.toContain('model');
    expect(labels('model: m\n|')).toContain('calibration');
    expect(labels('mod|el: m\n')).toContain('model');
    expect(labels('quantization:\n  |')).toEqual([
      'mode',
      'activations',
      'weights',
      'improve',
      'half',
    ]);
    expect(labels('layers:\n  - |')).toEqual([
      'match',
      'precision',
      'observer',
      'weights',
      'activations',
    ]);
    expect(labels('nothing:\n  |')).toEqual([]);
  });

  it.each([
    ['quantization: |', ['auto']],
    ['quantization:\n  mode: |', ['static', 'dynamic', 'weight-only', 'float16', 'auto']],
    ['quantization:\n  half:\n    type: |', ['float16', 'bfloat16']],
    ['layers:\n  - activations: |', ['uint16', 'int16']],
    ['quantization: { weights: { granularity: | } }', ['channel', 'tensor', 'block']],
    ['quantization: { weights: { block: | } }', ['16', '32', '64', '128', '256']],
    ['layers:\n  - match: x\n    weights: |', ['int8', 'int4', 'uint8', 'uint4']],
    ['calibration:\n  data: |', ['random']],
    ['keep_fp32: [{ op: | }]', ['Conv', 'Gemm']],
    ['layers:\n  - precision: |', ['fp32', 'int8', 'int16']],
    ['model: |', []],
  ])('offers words in %j', (marked, wanted) => {
    expect(labels(marked)).toEqual(wanted);
  });

  it.each([
    [
      'keep_fp32:\n  - |',
      [
        'keep_fp32:\n  - /conv1',
        'keep_fp32:\n  - a,b',
        'keep_fp32:\n  - /fc',
        'keep_fp32:\n  - { op: Conv }',
        'keep_fp32:\n  - { op: Gemm }',
      ],
    ],
    ['keep_fp32:\n  |', ['keep_fp32:\n  - /conv1', 'keep_fp32:\n  - a,b']],
    ['keep_fp32: [|]', ['keep_fp32: [/conv1]', "keep_fp32: ['a,b']"]],
    ['keep_fp32: |', ['keep_fp32: [/conv1]', "keep_fp32: ['a,b']"]],
    ['keep_fp32:|', ['keep_fp32: [/conv1]', "keep_fp32: ['a,b']"]],
    ['layers:\n  - match: /c|', ['layers:\n  - match: /conv1', 'layers:\n  - match: a,b']],
    ['targ|', ['target: ']],
    ['calib|', ['calibration:']],
    ['calib|: x', ['calibration: x']],
    ['calibration: { |', ['calibration: { data: ', 'calibration: { image: { ']],
  ])('writes %j so that it is valid', (marked, wanted) => {
    const written = complete(marked).map(({ after }) => after.replaceAll('"', "'"));
    for (const text of wanted) expect(written).toContain(text);
  });

  it('tells layers, operators, keys and values apart', () => {
    const kinds = new Set(complete('keep_fp32: [|').map(({ kind }) => kind));
    expect([...kinds]).toEqual(['layer', 'operator']);
    expect(complete('|')[0]?.kind).toBe('key');
    expect(complete('target: |')[0]?.kind).toBe('value');
    expect(complete('keep_fp32: [|')[0]?.detail).toBe('Conv 3×3');
  });
});
