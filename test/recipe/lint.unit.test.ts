import { describe, expect, it } from 'vitest';
import { lint, namedPaths, type Surroundings } from '../../src/recipe/lint';
import type { NamedLayer } from '../../src/recipe/match';
import { parseRecipe } from '../../src/recipe/parse';

const layers: NamedLayer[] = [
  { name: '/conv1/Conv', op: 'Conv', absorbed: ['/bn1'] },
  { name: '/conv2/Conv', op: 'Conv' },
  { name: '/fc/Gemm', op: 'Gemm' },
];
const head = 'model: m.onnx\ncalibration: { data: images }\n';

function found(text: string, around: Surroundings = { layers }): string[] {
  const parse = parseRecipe(text, 'a.quant.yaml');
  return lint(parse, around).map(({ code, severity, line, range }) => {
    expect(severity).toBe('warning');
    return `${line} ${code} ${text.slice(range.start, range.end)}`;
  });
}

describe('signed activations', () => {
  const signed = (target: string, rest = '') =>
    `${head}${target}quantization: { activations: { type: int8 }${rest} }`;
  const conv = [{ name: 'c', op: 'Conv' }];

  it.each<[string, string, Surroundings, string[]]>([
    ['x86-vnni', signed('target: x86-vnni\n'), {}, ['4 signed-activations int8']],
    ['x86-avx2', signed('target: x86-avx2\n'), {}, ['4 signed-activations int8']],
    ['this machine, an x86', signed(''), { arch: 'x64' }, ['3 signed-activations int8']],
    [
      'with a convolution',
      signed(''),
      { arch: 'x64', layers: conv },
      ['3 signed-activations int8'],
    ],
    ['this machine, an ARM', signed(''), { arch: 'arm64' }, []],
    ['a machine of which nothing is known', signed(''), {}, []],
    ['arm64', signed('target: arm64\n'), { arch: 'x64' }, []],
    ['no convolution', signed(''), { arch: 'x64', layers: [{ name: 'm', op: 'MatMul' }] }, []],
    ['unsigned', `${head}quantization: { activations: { type: uint8 } }`, { arch: 'x64' }, []],
    ['dynamic', signed('', ', mode: dynamic'), { arch: 'x64' }, ['3 no-effect type']],
  ])('%s', (_, text, around, expected) => {
    expect(found(text, around)).toEqual(expected);
  });

  it('offers the unsigned type', () => {
    const parse = parseRecipe(signed('target: x86-vnni\n'), 'a.quant.yaml');
    expect(lint(parse)[0]).toMatchObject({ replacements: ['uint8'] });
  });
});

describe('lint', () => {
  it.each([
    [
      'keep_fp32: [/conv1/Conv, /bn1, "*fc*", { op: gemm }]',
      ['3 keeps-everything keep_fp32'],
      true,
    ],
    ['keep_fp32: [/conv3/Conv]', ['3 no-match /conv3/Conv']],
    ['keep_fp32:\n  - /head/*\n  - /fc/Gemm', ['4 no-match /head/*']],
    ['keep_fp32: [{ op: Gem }]', ['3 no-match Gem']],
    ['keep_fp32: [conv]', ['3 no-match conv']],
    ['layers: [{ match: nothing, precision: fp32 }]', ['3 no-match nothing']],
    ['keep_fp32: ["*"]', ['3 keeps-everything keep_fp32']],
    ['layers: [{ match: "*", precision: fp32 }]', ['3 keeps-everything layers']],
    ['evaluate: { data: ./images }', ['3 same-data ./images']],
    ['evaluate: { data: [other, images] }', ['3 same-data images']],
    ['evaluate: { data: images2 }', []],
    ['limits: { top1_drop: 0.1 }', ['3 no-effect top1_drop']],
    ['limits: { metric_drop: 0.1 }', ['3 no-effect metric_drop']],
    ['evaluate: { data: e, metric: mse }\nlimits: { top1_drop: 1 }', ['4 no-effect top1_drop']],
    ['evaluate: { data: e, metric: mse }\nlimits: { metric_drop: 1 }', []],
    ['evaluate: { data: e, metric: ./m.mjs }\nlimits: { metric_drop: 1 }', []],
    [
      'evaluate: { data: e, metric: sqnr }\nlimits: { metric_drop: 1 }',
      ['4 no-effect metric_drop'],
    ],
    [
      'quantization: { mode: dynamic, activations: { observer: minmax, type: uint8 } }',
      ['3 no-effect observer', '3 no-effect type'],
    ],
    [
      'quantization: { mode: dynamic }\nlayers: [{ match: /fc/Gemm, observer: minmax }]',
      ['4 no-effect observer'],
    ],
    [
      'quantization: { mode: dynamic, weights: { block: 32, form: qdq } }\nlayers: [{ match: /fc/Gemm, weights: int8 }]',
      ['3 no-effect block', '3 no-effect form', '4 no-effect weights'],
    ],
    ['quantization: { mode: dynamic, improve: [bias-correction] }', ['3 no-effect improve']],
    ['quantization: { mode: dynamic, improve: [] }', []],
    [
      'quantization: { mode: weight-only, weights: { granularity: channel, block: 32 }, improve: [bias-correction], activations: { type: int8 } }',
      ['3 no-effect block', '3 no-effect improve', '3 no-effect type'],
    ],
    [
      'quantization: { mode: weight-only, weights: { form: qdq, accuracy_level: 4 } }',
      ['3 no-effect accuracy_level'],
    ],
    ['quantization: { mode: weight-only }\nlayers: [{ match: /fc/Gemm, weights: int8 }]', []],
    ['quantization: { activations: { percentile: 99.9 } }', ['3 no-effect percentile']],
    ['quantization: { activations: { observer: percentile, percentile: 99.9 } }', []],
    [
      'quantization: { activations: { percentile: 99 } }\nlayers: [{ match: /fc/Gemm, observer: percentile }]',
      [],
    ],
  ] as [string, string[], boolean?][])('%j', (text, wanted, partly) => {
    const got = found(head + text);
    expect(partly ? got.filter((line) => line.includes('keeps')) : got).toEqual(
      partly ? [] : wanted,
    );
  });

  it.each([
    [
      'keep_fp32: [/conv1/Conv]\nlayers: [{ match: /conv1/Conv, precision: int8 }]',
      ['4 no-effect /conv1/Conv'],
    ],
    [
      'keep_fp32: ["*fc*"]\nlayers: [{ match: /fc/Gemm, activations: int16 }]',
      ['4 no-effect /fc/Gemm'],
    ],
    ['keep_fp32: ["*fc*"]\nlayers: [{ match: /fc/Gemm, precision: int8 }]', []],
    ['keep_fp32: ["*fc*"]\nlayers: [{ match: "*", activations: int16 }]', []],
    [
      'layers: [{ match: /fc/Gemm, precision: fp32, activations: int16 }]',
      ['3 no-effect activations'],
    ],
  ])('rules of layers that stay in FP32: %j', (text, wanted) => {
    expect(found(head + text)).toEqual(wanted);
  });

  it.each([
    ['inputs: { pnel: { range: [0, 1] } }', ['3 no-match pnel']],
    ['inputs: { panel: { range: [0, 1], shape: [8, 4, 16, 32] } }', []],
    ['inputs: { panel: { shape: [1, 4, 16, 33] } }', ['3 no-effect [1, 4, 16, 33]']],
    ['inputs: { panel: { shape: [1, 4, 16] } }', ['3 no-effect [1, 4, 16]']],
  ])('inputs of the model: %j', (text, wanted) => {
    const inputs = [{ name: 'panel', shape: ['batch', 4, 16, 32] }];
    expect(found(head + text, { layers, inputs })).toEqual(wanted);
    expect(found(head + text, { layers })).toEqual([]);
  });

  it.each([
    ['data: a.npy', '', ['2 no-effect image']],
    ['data: [a.npz, b.npy]', '', ['2 no-effect image']],
    ['data: images', '', []],
    ['data: a.npy', 'evaluate: { data: images }', []],
  ])('image: beside %s, %j', (data, rest, wanted) => {
    const text = `model: m.onnx\ncalibration: { ${data}, image: { scale: 1/255 } }\n${rest}`;
    expect(found(text)).toEqual(wanted);
  });

  it('knows which input was meant', () => {
    const inputs = [{ name: 'panel', shape: [1] }];
    const parse = parseRecipe(`${head}inputs: { pnel: { range: [0, 1] } }`, 'a');
    expect(lint(parse, { inputs })[0]?.replacements).toEqual(['panel']);
  });

  it('warns of random calibration', () => {
    expect(found('model: m\ncalibration: { data: random }\nevaluate: { data: random }')).toEqual([
      '2 random-data random',
    ]);
  });

  it.each([
    ['keep_fp32: [/conv3/Conv]', ['/conv1/Conv', '/conv2/Conv']],
    ['keep_fp32: [conv]', ['{ op: Conv }']],
    ['keep_fp32: [{ op: Gem }]', ['Gemm']],
    ['keep_fp32: [zzzzzz]', undefined],
  ])('knows what %s was meant as', (text, replacements) => {
    expect(lint(parseRecipe(head + text, 'a'), { layers })[0]?.replacements).toEqual(replacements);
  });

  it('checks layers even while the rest is wrong, and nothing without a model', () => {
    expect(found('modle: m\nkeep_fp32: [x]')).toEqual(['2 no-match x']);
    expect(found('modle: m\nkeep_fp32: [x]', {})).toEqual([]);
    expect(found('model: [', {})).toEqual([]);
  });

  it('tells of files that are not there', () => {
    const text = 'model: m\ncalibration: { data: [a, b] }\nevaluate: { data: c, labels: d }';
    expect(namedPaths(parseRecipe(text, 'a')).map((named) => named.text)).toEqual([
      'm',
      'a',
      'b',
      'c',
      'd',
    ]);
    expect(found(text, { exists: { m: true, a: false, b: true, d: false } })).toEqual([
      '2 not-found a',
      '3 not-found d',
    ]);
  });

  it('tells of the module of a metric that is not there, and takes no word for one', () => {
    const text = (metric: string) =>
      `model: m\ncalibration: { data: a }\nevaluate: { data: c, metric: ${metric} }`;
    const exists = { './mine.mjs': false, top1: false };
    expect(found(text('./mine.mjs'), { exists })).toEqual(['3 not-found ./mine.mjs']);
    expect(found(text('top1'), { exists })).toEqual([]);
  });
});
