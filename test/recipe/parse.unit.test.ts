import { describe, expect, it } from 'vitest';
import { parseRecipe } from '../../src/recipe/parse';
import { hasErrors, toVernierError } from '../../src/recipe/problem';

const whole = `model: mobilenet.onnx
output: mobilenet.int8.onnx
target: x86-vnni            # a comment
calibration:
  data: [images/*.jpg, more/]
  image: { resize: 256, crop: [224, 200], filter: bilinear, color: rgb, scale: 1/255, mean: [0.485, 0.456, 0.406], std: 0.2, layout: nchw }
  samples: 128
  seed: 3
inputs: { ids: { shape: [1, 128], range: [0, 64] } }
quantization:
  mode: static
  activations: { type: uint8, observer: moving-average }
  weights: { type: int8, granularity: channel }
  improve: []
keep_fp32:
  - /classifier/*
  - { op: Softmax }
layers:
  - { match: /head/*, precision: fp32, observer: minmax }
evaluate: { data: labelled/, metric: top1, labels: l.csv, samples: 5, image: { crop: 3 } }
limits: { top1_drop: 0.01, p99_ms: 5, size_ratio: 0.3, sqnr_db: 20, speedup: 1.5, p50_ms: 2, max_abs: 1 }
latency: { threads: 2, pairs: 10, seconds: 0.5 }
sensitivity: { samples: 4, budget_s: 10 }
`;

/** The problems of a text as `line:column code` and what stands at them. */
function problems(text: string, partial = true): string[] {
  return parseRecipe(text, 'a.quant.yaml', { partial }).problems.map(
    ({ line, column, code, range }) =>
      `${line}:${column} ${code} ${text.slice(range.start, range.end)}`.trim(),
  );
}

describe('parseRecipe', () => {
  it('reads a recipe that uses every key', () => {
    const { recipe, problems: found } = parseRecipe(whole, 'a.quant.yaml');
    expect(found).toEqual([]);
    expect(recipe?.calibration?.image?.scale).toBe('1/255');
    expect(recipe?.keep_fp32).toEqual(['/classifier/*', { op: 'Softmax' }]);
    expect(recipe?.limits?.max_abs).toBe(1);
  });

  it('takes keys without a value as not written', () => {
    const { recipe, problems: found } = parseRecipe('model: a.onnx\nkeep_fp32:\nlimits:\n', 'a', {
      partial: true,
    });
    expect(found).toEqual([]);
    expect(recipe).toEqual({ model: 'a.onnx' });
  });

  it.each([
    // yaml itself
    ['model: [a', ['1:10 syntax']],
    ['a: b: c', ['1:4 syntax b']],
    ['model: a\n---\nmodel: b', ['2:1 syntax ---']],
    ['keep_fp32:\n  - *conv*\n', ['2:5 syntax *conv*']],
    ['model: a\nmodel: b', ['2:1 duplicate-key model']],
    ['model: !tag a', ['1:8 syntax !tag']],
    // not a recipe
    ['[1]', ['1:1 not-a-map [1]']],
    ['hello', ['1:1 not-a-map hello']],
    // keys
    ['modle: a', ['1:1 unknown-key modle']],
    ['modle:', ['1:1 unknown-key modle']],
    ['calibration:\n  smaples: 3', ['2:3 unknown-key smaples']],
    ['samples: 3', ['1:1 unknown-key samples']],
    ['calibration: { image: { limits: 1 } }', ['1:25 unknown-key limits']],
    ['keep_fp32: [{ opp: Conv }]', ['1:13 missing-key { opp: Conv }', '1:15 unknown-key opp']],
    // words
    ['target: arm46', ['1:9 wrong-value arm46']],
    ['quantization: { mode: statik }', ['1:23 wrong-value statik']],
    ['quantization: { improve: [magic] }', ['1:27 wrong-value magic']],
    ['calibration: { image: { scale: 1/0 } }', ['1:32 wrong-value 1/0']],
    ['calibration: { image: { scale: big } }', ['1:32 wrong-value big']],
    ['inputs: { x: { range: [2, 1] } }', ['1:23 wrong-value [2, 1]']],
    // types
    ['calibration: images/', ['1:14 wrong-type images/']],
    ['keep_fp32: /conv1', ['1:12 wrong-type /conv1']],
    ['keep_fp32: [3]', ['1:13 wrong-type 3']],
    ['keep_fp32:\n  -\n', ['2:4 wrong-type']],
    ['calibration: { samples: many }', ['1:25 wrong-type many']],
    ['calibration: { samples: .inf }', ['1:25 wrong-type .inf']],
    ['calibration: { image: { resize: [1, x] } }', ['1:37 wrong-type x']],
    ['model: 3', ['1:8 wrong-type 3']],
    // ranges
    ['model: ""', ['1:8 out-of-range ""']],
    ['calibration: { samples: 0 }', ['1:25 out-of-range 0']],
    ['calibration: { data: [] }', ['1:22 out-of-range []']],
    ['calibration: { image: { std: 0 } }', ['1:30 out-of-range 0']],
    ['limits: { top1_drop: 1.5 }', ['1:22 out-of-range 1.5']],
    ['quantization: { activations: { percentile: 101 } }', ['1:44 out-of-range 101']],
    // known to the language, not to this version
    ['layers: [{ match: x, granularity: tensor }]', ['1:22 unsupported granularity']],
    ['quantization: { mode: qat }', ['1:23 unsupported qat']],
    ['quantization: { improve: [gptq] }', ['1:27 unsupported gptq']],
    ['layers: [{ match: x, granularity: tensor }]', ['1:22 unsupported granularity']],
    ['layers: [{ match: x, precision: float16 }]', ['1:33 unsupported float16']],
    ['evaluate: { metric: ./mine.js }', ['1:21 unsupported ./mine.js']],
    ['evaluate: { metric: ../metrics/mine.ts }', ['1:21 unsupported ../metrics/mine.ts']],
    ['evaluate: { metric: topp1 }', ['1:21 wrong-value topp1']],
    ['evaluate: { metric: 1 }', ['1:21 wrong-value 1']],
    ['limits: { metric_drop: -1 }', ['1:24 out-of-range -1']],
    ['quantization: { mode: weight-only, weights: { block: 48 } }', ['1:54 wrong-value 48']],
    ['quantization: { weights: { accuracy_level: 2 } }', ['1:44 wrong-value 2']],
    // what keys want of each other
    ['model: x.onnx\noutput: ./x.onnx', ['2:9 overwrites-model ./x.onnx']],
    ['output: a.npy\ncalibration: { data: [b, ./a.npy] }', ['1:9 overwrites-file a.npy']],
    ['output: a.npy\nevaluate: { data: e, labels: a.npy }', ['1:9 overwrites-file a.npy']],
  ])('%j', (text, wanted) => {
    expect(problems(text)).toEqual(wanted);
    expect(parseRecipe(text, 'a', { partial: true }).recipe === null).toBe(
      !wanted[0]?.includes('!tag'),
    );
  });

  it.each([
    ['', ['1:1 missing-key']],
    ['# nothing\n', ['1:1 missing-key']],
    ['target: auto', ['1:1 missing-key target']],
    ['model: a', ['1:1 missing-key model']],
    ['model: a\ncalibration:\n  samples: 3', ['2:1 missing-key calibration']],
    ['model: a\nquantization: { mode: dynamic }', []],
    ['model: a\nquantization: { mode: dynamic }\nevaluate: { data: e, metric: ./mine.mjs }', []],
    ['model: a\nquantization: { mode: dynamic }\nevaluate: { data: e, metric: ../a b.mjs }', []],
    ['model: a\nquantization: { mode: weight-only, weights: { type: uint4, block: 64 } }', []],
    [
      'model: a\nquantization: { mode: dynamic, weights: { type: int4, granularity: block } }',
      ['2:49 unsupported int4', '2:68 unsupported block'],
    ],
    [
      'model: a\nquantization: { mode: weight-only, weights: { type: int4, method: hqq } }',
      ['2:53 unsupported int4'],
    ],
    ['model: a\nquantization: { mode: weight-only, weights: { method: hqq } }', []],
    [
      'model: a\ncalibration: { data: random }\nevaluate: { samples: 3 }',
      ['3:1 missing-key evaluate'],
    ],
  ])('misses what a whole recipe needs in %j', (text, wanted) => {
    expect(problems(text, false)).toEqual(wanted);
  });

  it('only warns of a rule that says nothing', () => {
    const { recipe, problems: found } = parseRecipe(
      'model: a\ncalibration: { data: random }\nlayers: [{ match: x }]',
      'a',
    );
    expect(found.map(({ code, severity }) => [code, severity])).toEqual([
      ['missing-key', 'warning'],
    ]);
    expect(recipe).not.toBeNull();
  });

  it('reports several problems at once, in the order of the text', () => {
    const text =
      'modle: a\nquantization:\n  mode: statik\n  actvations: {}\nlimits: { speedup: 0 }\n';
    expect(problems(text)).toEqual([
      '1:1 unknown-key modle',
      '3:9 wrong-value statik',
      '4:3 unknown-key actvations',
      '5:20 out-of-range 0',
    ]);
  });

  it.each([
    ['modle: a', ['model']],
    ['quantization: { mode: statik }', ['static']],
    ['keep_fp32:\n  - *it*', ["'*it*'"]],
    ['samples: 3', undefined],
  ])('knows what %j was meant as', (text, replacements) => {
    const { problems: found } = parseRecipe(text, 'a', { partial: true });
    expect(found[0]?.replacements).toEqual(replacements);
  });

  it('follows aliases', () => {
    const text =
      'model: a\ncalibration: { image: &i { resize: 3 }, data: x }\nevaluate: { data: y, image: *i }\n';
    expect(parseRecipe(text, 'a').recipe?.evaluate?.image).toEqual({ resize: 3 });
  });

  it('counts columns with CRLF as without', () => {
    expect(problems('model: a\r\ntarget: arm46\r\n')).toEqual(['2:9 wrong-value arm46']);
  });
});

describe('hostile text', () => {
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
  for (let i = 98; i < 107; i++) {
    const [now, before] = [String.fromCharCode(i), String.fromCharCode(i - 1)];
    bomb.push(`${now}: &${now} [${`*${before}, `.repeat(9)}]`);
  }
  it.each([
    ['a model', `\b\x07pytorch${'\0\x12:\ufffd[{'.repeat(100_000)}`, 'syntax'],
    ['longer than 1 MB', `# ${'x'.repeat(1_000_001)}`, 'too-large'],
    ['a million brackets', '['.repeat(900_000), 'syntax'],
    ['a hundred thousand closers', '}'.repeat(900_000), 'too-large'],
    ['dashes on one line', '- '.repeat(10_000), 'syntax'],
    ['question marks', '? '.repeat(10_000), 'syntax'],
    ['an alias bomb', bomb.join('\n'), 'syntax'],
    [
      'many anchors',
      Array.from({ length: 20_000 }, (_, i) => `k${i}: &a${i} x\n`).join(''),
      'syntax',
    ],
    ['many keys', Array.from({ length: 20_000 }, (_, i) => `k${i}: x\n`).join(''), 'unknown-key'],
    ['many wrong entries', `keep_fp32: [${'1, '.repeat(30_000)}]`, 'wrong-type'],
    [
      'deep indentation',
      Array.from({ length: 1000 }, (_, i) => `${' '.repeat(i)}a:\n`).join(''),
      'unknown-key',
    ],
  ])('%s is answered with few words', { timeout: 120_000 }, (_, text, code) => {
    const { recipe, problems: found } = parseRecipe(text, 'a', { partial: true });
    expect(recipe).toBeNull();
    expect(found[0]?.code).toBe(code);
    expect(found.length).toBeLessThanOrEqual(100);
  });
});

describe('toVernierError', () => {
  it.each([
    ['model: [', 'recipe.syntax', 1],
    ['model: a\nquantization: { mode: qat }', 'recipe.unsupported', 2],
    ['output: a\nmodel: a', 'recipe.overwrites-model', 1],
    ['model: a\ntarget: b\nx: 1', 'recipe.schema', 2],
  ])('%j', (text, code, line) => {
    const error = toVernierError(parseRecipe(text, 'r', { partial: true }).problems, 'r');
    expect(error?.toData()).toMatchObject({ code, line, file: 'r' });
  });

  it.each([
    ['many keys', Array.from({ length: 2000 }, (_, i) => `k${i}: x\n`).join('')],
    ['long keys', `${'k'.repeat(100_000)}: x\n`.repeat(3)],
    ['a long alias', `keep_fp32: *${'x'.repeat(100_000)}\n`],
    ['a long tag', `model: !${'x'.repeat(100_000)}{ a\n`],
    ['long words', `target: ${'x'.repeat(100_000)}\n`],
    ['a long path', `evaluate: { metric: ./${'x'.repeat(100_000)}.js }\n`],
  ])('is short with %s', (_, text) => {
    const error = toVernierError(parseRecipe(text, 'r').problems, 'r');
    expect(error!.message.length).toBeLessThan(4000);
    expect(error!.place.remedy?.length ?? 0).toBeLessThan(1000);
  });

  it.each([
    'quantization: { activations: { percentile: 101 } }',
    'calibration: { samples: many }',
    'calibration: { samples: 0 }',
    'inputs: { x: { range: [1, 0] } }',
    'target: qwertz',
    'quantization: { improve: [foo] }',
    'calibration: { image: { std: 0 } }',
  ])('says what to do about %j', (text) => {
    const error = toVernierError(parseRecipe(text, 'r', { partial: true }).problems, 'r');
    expect(error!.place.remedy).toBeTruthy();
  });

  it('is null without errors', () => {
    expect(toVernierError([], 'r')).toBeNull();
    expect(hasErrors([])).toBe(false);
  });
});
