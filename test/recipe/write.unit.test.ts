import { describe, expect, it } from 'vitest';
import { recipeFromFlags } from '../../src/recipe/flags';
import { parseRecipe } from '../../src/recipe/parse';
import { newRecipe, writeRecipe } from '../../src/recipe/write';

describe('writeRecipe', () => {
  it('has keys in the order of the schema, whatever the order was', () => {
    const text = writeRecipe(
      {
        zzz: 1,
        keep_fp32: ['/a', { op: 'B' }],
        limits: {},
        calibration: { samples: 3, data: ['x', 'y'] },
        model: 'm',
      },
      { keep_fp32: 'why' },
    );
    expect(text).toBe(
      'model: m\ncalibration:\n  data: [x, y]\n  samples: 3\n\n# why\nkeep_fp32:\n  - /a\n  - { op: B }\nlimits: {}\nzzz: 1\n',
    );
  });
});

describe('newRecipe', () => {
  it('gives a recipe that is valid at once', () => {
    const text = newRecipe({
      model: 'm.onnx',
      output: 'o.onnx',
      target: 'onnx',
      calibration: ['a', 'b'],
      samples: 5,
      image: { scale: '1/255', resize: [3, 4] },
      inputs: { x: { shape: [1, 2] } },
      keep: ['/a'],
      evaluate: 'e',
      labels: 'l.npy',
      metric: 'top1',
    });
    const { recipe, problems } = parseRecipe(text, 'a');
    expect(problems).toEqual([]);
    expect(recipe).toEqual({
      model: 'm.onnx',
      output: 'o.onnx',
      target: 'onnx',
      calibration: { data: ['a', 'b'], samples: 5, image: { scale: '1/255', resize: [3, 4] } },
      inputs: { x: { shape: [1, 2] } },
      quantization: { mode: 'static' },
      keep_fp32: ['/a'],
      evaluate: { data: 'e', labels: 'l.npy', metric: 'top1' },
    });
    expect(text.match(/^# /gm)?.length).toBeGreaterThan(3);
  });

  it('needs a model only', () => {
    const text = newRecipe({ model: 'm', mode: 'dynamic' });
    expect(parseRecipe(text, 'a').recipe).toEqual({
      model: 'm',
      quantization: { mode: 'dynamic' },
      keep_fp32: [],
    });
  });
});

describe('recipeFromFlags', () => {
  const read = (flags: Record<string, unknown>) =>
    parseRecipe(recipeFromFlags(flags), 'a', { partial: true });

  it.each([
    [{ model: '12.onnx' }, { model: '12.onnx' }],
    [{ model: '12' }, { model: '12' }],
    [{ 'calibration.data': 'a,b: [c' }, { calibration: { data: 'a,b: [c' } }],
    [{ 'calibration.data': ['a', 'b'] }, { calibration: { data: ['a', 'b'] } }],
    [{ 'calibration.data': ['a'] }, { calibration: { data: 'a' } }],
    [{ 'calibration.data': '[a, b]' }, { calibration: { data: ['a', 'b'] } }],
    [{ 'calibration.samples': '64' }, { calibration: { samples: 64 } }],
    [{ 'calibration.samples': 64 }, { calibration: { samples: 64 } }],
    [{ 'calibration.image.scale': '1/255' }, { calibration: { image: { scale: '1/255' } } }],
    [{ 'calibration.image.scale': '0.5' }, { calibration: { image: { scale: 0.5 } } }],
    [{ 'calibration.image.mean': '0.1,0.2' }, { calibration: { image: { mean: [0.1, 0.2] } } }],
    [{ 'calibration.image.mean': '0.1' }, { calibration: { image: { mean: 0.1 } } }],
    [{ 'calibration.image.resize': '[3, 4]' }, { calibration: { image: { resize: [3, 4] } } }],
    [{ 'calibration.image.crop': '224' }, { calibration: { image: { crop: 224 } } }],
    [{ 'calibration.image': '{ crop: 3 }' }, { calibration: { image: { crop: 3 } } }],
    [{ 'inputs.a.b:0.shape': '1,2' }, { inputs: { 'a.b:0': { shape: [1, 2] } } }],
    [{ 'inputs.x.range': '[0, 1]' }, { inputs: { x: { range: [0, 1] } } }],
    [{ keep_fp32: '/a,b' }, { keep_fp32: ['/a,b'] }],
    [{ keep_fp32: '*a' }, { keep_fp32: ['*a'] }],
    [{ keep_fp32: '12' }, { keep_fp32: ['12'] }],
    [{ keep_fp32: '{ op: Softmax }' }, { keep_fp32: [{ op: 'Softmax' }] }],
    [{ keep_fp32: '[/a, /b]' }, { keep_fp32: ['/a', '/b'] }],
    [{ keep_fp32: ['/a', '{ op: B }', '[x'] }, { keep_fp32: ['/a', { op: 'B' }, '[x'] }],
    [{ keep_fp32: ['/a'] }, { keep_fp32: ['/a'] }],
    [
      { layers: '{ match: /a, precision: fp32 }' },
      { layers: [{ match: '/a', precision: 'fp32' }] },
    ],
    [{ 'quantization.mode': 'dynamic', output: undefined }, { quantization: { mode: 'dynamic' } }],
    [{ 'latency.threads': 2, latency: 3 }, undefined],
  ])('%j', (flags, wanted) => {
    const { recipe, problems } = read(flags);
    if (wanted) expect(problems).toEqual([]);
    expect(recipe ?? undefined).toEqual(wanted);
  });

  it('keeps what it does not know, so that it is objected to', () => {
    expect(
      read({ 'calibration.smaples': '3', bogus: 'x' }).problems.map(({ code }) => code),
    ).toEqual(['unknown-key', 'unknown-key']);
    expect(read({ 'limits.speedup': 'fast' }).problems[0]?.code).toBe('wrong-type');
    expect(read({ 'limits.speedup': '*x' }).problems[0]?.code).toBe('wrong-type');
    expect(read({ 'limits.speedup': '['.repeat(1000) }).problems[0]?.code).toBe('wrong-type');
    expect(read({ '__proto__.x': '3' }).problems[0]?.code).toBe('unknown-key');
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  it('gives the same text for the same flags in any order', () => {
    expect(recipeFromFlags({ output: 'o', model: 'm' })).toBe(
      recipeFromFlags({ model: 'm', output: 'o' }),
    );
  });
});
