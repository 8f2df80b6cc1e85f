import { describe, expect, it } from 'vitest';
import { defaultOutput, resolveRecipe } from '../../src/recipe/defaults';
import { scaleValue } from '../../src/recipe/schema';

describe('resolveRecipe', () => {
  it('says everything that a short recipe leaves out', () => {
    expect(resolveRecipe({ model: 'dir/m.onnx', calibration: { data: 'x' } })).toEqual({
      model: 'dir/m.onnx',
      output: 'm.int8.onnx',
      target: 'auto',
      calibration: {
        data: ['x'],
        random: false,
        image: {
          resize: null,
          crop: null,
          filter: 'bilinear',
          color: 'rgb',
          scale: 1 / 255,
          mean: [0],
          std: [1],
          layout: 'nchw',
        },
        samples: 128,
        seed: 0,
        statistics: 'full',
        statisticsFile: null,
        ranges: null,
      },
      inputs: {},
      quantization: {
        mode: 'static',
        auto: false,
        activations: { type: 'uint8', observer: 'auto', percentile: 99.99 },
        weights: { type: 'int8', granularity: 'channel' },
        improve: ['equalize', 'bias-correction'],
        weightOnly: null,
        half: null,
      },
      fixed: { accumulatorBits: 32, testVectors: 1 },
      keepFp32: [],
      layers: [],
      evaluate: null,
      limits: {},
      latency: { threads: 0, pairs: 200, seconds: 3 },
      sensitivity: { stage: 'exact', samples: 32, budgetSeconds: 60 },
      search: { wanted: false, budgetSeconds: 60 },
    });
  });

  it('takes the image settings of evaluation from calibration where it says nothing else', () => {
    const { evaluate, calibration } = resolveRecipe({
      model: 'm',
      calibration: { data: 'random', image: { resize: 8, mean: 1, scale: '2/4' } },
      evaluate: { data: ['y'], image: { resize: [4, 5] } },
    });
    expect(calibration?.random).toBe(true);
    expect(evaluate).toMatchObject({ data: ['y'], metric: null, samples: null, labels: null });
    expect(evaluate?.image).toMatchObject({ resize: [4, 5], mean: [1], scale: 0.5 });
    expect(
      resolveRecipe({ model: 'm', calibration: { image: { crop: 2 } }, evaluate: { data: 'y' } })
        .evaluate?.image.crop,
    ).toBe(2);
  });

  it.each([
    [undefined, 'uint4', 'uint8', 'm.int4.onnx'],
    [{ type: 'int4' }, 'int4', 'int8', 'm.int4.onnx'],
    [{ type: 'int8' }, 'int8', 'int8', 'm.int8.onnx'],
    [{ type: 'uint4' }, 'uint4', 'uint8', 'm.int4.onnx'],
    [{ method: 'hqq' }, 'uint4', 'uint8', 'm.int4.onnx'],
  ] as const)('mode weight-only, %j', (weights, type, outer, output) => {
    const quantization = { mode: 'weight-only' as const, ...(weights ? { weights } : {}) };
    const resolved = resolveRecipe({ model: 'm.onnx', quantization });
    expect(resolved.quantization.weightOnly).toEqual({
      type,
      outer,
      granularity: 'block',
      block: 32,
      method: weights && 'method' in weights ? weights.method : 'rtn',
      form: null,
      accuracyLevel: 4,
    });
    expect(resolved.output).toBe(output);
  });

  it('keeps what is written', () => {
    const resolved = resolveRecipe({
      model: 'm',
      output: 'o',
      inputs: { a: { shape: [1, 2] }, b: { range: [0, 1] } },
      quantization: { mode: 'dynamic', activations: { observer: 'moving-average' } },
      sensitivity: { budget_s: 0 },
      latency: { threads: 4 },
    });
    expect(resolved.inputs).toEqual({
      a: { shape: [1, 2], range: null },
      b: { shape: null, range: [0, 1] },
    });
    expect(resolved.quantization.activations).toEqual({
      type: 'uint8',
      observer: 'moving-average',
      percentile: 99.99,
    });
    expect(resolved.sensitivity.budgetSeconds).toBe(0);
    expect(resolved.latency).toEqual({ threads: 4, pairs: 200, seconds: 3 });
    expect(resolved.calibration).toBeNull();
  });
});

it.each([
  ['m.onnx', 'm.int8.onnx'],
  ['../a/m.v2.ONNX', 'm.v2.int8.onnx'],
  ['C:\\a\\m.onnx', 'm.int8.onnx'],
  ['.onnx', 'model.int8.onnx'],
])('the output of %s is %s', (model, output) => {
  expect(defaultOutput(model)).toBe(output);
});

it.each([
  [0.5, 0.5],
  ['1/255', 1 / 255],
  [' 2.5 / 5 ', 0.5],
  ['x', NaN],
])('the scale %j is %d', (scale, value) => {
  expect(scaleValue(scale)).toBe(value);
});
