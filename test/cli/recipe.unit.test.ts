import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeRecipe } from '../../src/cli/recipe';
import type { VernierError } from '../../src/errors';
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
    const thrown = refused(flags);
    expect(thrown).toMatchObject({ code });
    expect(thrown).not.toHaveProperty('place.file');
    expect((thrown as Error).message).not.toContain('quant.yaml');
  });

  it.each([
    [{ 'calibration.samples': 'abc' }, '--samples'],
    [{ 'calibration.seed': '-1' }, '--calibration.seed'],
    [{ 'calibration.image.std': '0' }, '--calibration.image.std'],
    [{ 'calibration.image.std': ['1', '0'] }, '--calibration.image.std'],
    [{ 'quantization.activations.observer': 'foo' }, '--quantization.activations.observer'],
    [{ 'quantization.activations.percentile': '101' }, '--quantization.activations.percentile'],
    [{ 'inputs.x.range': '[1, 0]' }, '--inputs.x.range'],
    [{ 'calibration.image.scale': 'wide' }, '--calibration.image.scale'],
  ])('names the flag of %j, and what to do', (flags, name) => {
    const thrown = refused({ 'calibration.data': 'x', ...flags });
    expect((thrown as Error).message.startsWith(`${name}: `)).toBe(true);
    expect((thrown as VernierError).place.remedy).toBeTruthy();
  });
});

/** What making a recipe of flags throws. */
function refused(flags: Record<string, unknown>): unknown {
  try {
    recipe(flags);
  } catch (error) {
    return error;
  }
  return null;
}
