import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeRecipe } from '../../src/cli/recipe';
import { parseRecipe } from '../../src/recipe/parse';

const cwd = path.resolve('/work/here');
const recipe = (
  flags: Record<string, unknown>,
  file: string | null = null,
  model = 'm/net.onnx',
) => {
  const made = makeRecipe(model, flags, file, cwd);
  return { path: path.relative(cwd, made.path), ...parseRecipe(made.text, made.path) };
};

describe('makeRecipe', () => {
  it('stands beside the model, and paths start there', () => {
    const made = recipe({
      'calibration.data': ['data/*.npy', 'm/more'],
      'calibration.samples': '64',
      output: 'out.onnx',
      'evaluate.data': 'm/eval.npz',
      'evaluate.labels': '/elsewhere/labels.npy',
      keep_fp32: ['/head/*', { op: 'Softmax' }],
    });
    expect(made.path).toBe(path.join('m', 'net.quant.yaml'));
    expect(made.problems).toEqual([]);
    expect(made.recipe).toEqual({
      model: 'net.onnx',
      output: '../out.onnx',
      calibration: { data: ['../data/*.npy', 'more'], samples: 64 },
      keep_fp32: ['/head/*', { op: 'Softmax' }],
      evaluate: { data: 'eval.npz', labels: '../../../elsewhere/labels.npy' },
    });
  });

  it('leads to the module of a metric, and leaves words as they are', () => {
    const metric = (value: string) =>
      recipe({ 'calibration.data': 'x', 'evaluate.data': 'e', 'evaluate.metric': value }).recipe
        ?.evaluate?.metric;
    expect(metric('./mine.mjs')).toBe('../mine.mjs');
    expect(metric('m/mine.mjs')).toBe('mine.mjs');
    expect(metric('top1')).toBe('top1');
  });

  it('stands where --recipe wants it', () => {
    const made = recipe({ 'calibration.data': 'random' }, 'r/a.quant.yaml');
    expect(made.path).toBe(path.join('r', 'a.quant.yaml'));
    expect(made.recipe).toMatchObject({ model: '../m/net.onnx', calibration: { data: 'random' } });
  });

  it('asks for data only where it is needed', () => {
    expect(() => recipe({})).toThrow(
      expect.objectContaining({ code: 'cli.usage', message: expect.stringMatching(/needs cal/) }),
    );
    expect(recipe({ 'quantization.mode': 'dynamic' }).recipe).toEqual({
      model: 'net.onnx',
      quantization: { mode: 'dynamic' },
    });
  });

  it.each([
    [{ 'quantization.mode': 'statc' }, 'recipe.schema'],
    [{ 'quantization.mode': 'qat', 'calibration.data': 'x' }, 'recipe.unsupported'],
    [{ 'calibration.data': 'x', 'calibration.samples': 'many' }, 'recipe.schema'],
    [{ 'calibration.data': 'x', output: 'm/net.onnx' }, 'recipe.overwrites-model'],
  ])('refuses %j without a place in a file that is not there', (flags, code) => {
    let thrown: unknown;
    try {
      recipe(flags);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code });
    expect(thrown).not.toHaveProperty('place.file');
    expect((thrown as Error).message).not.toContain('quant.yaml');
  });
});
