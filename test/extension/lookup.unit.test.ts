import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  asNamedInRecipe,
  besideRecipe,
  dataCandidates,
  defaultRecipePath,
  findRecipe,
  isModelPath,
  isRecipePath,
  modelNamedIn,
} from '../../src/extension/session/lookup';

const at = (name: string) => resolve('/models', name);

describe('findRecipe', () => {
  const model = at('net.onnx');

  it('takes the recipe of the same stem, whatever it names', () => {
    const found = findRecipe(model, [
      { path: at('a.quant.yaml'), model: 'net.onnx' },
      { path: at('net.quant.yaml'), model: null },
    ]);
    expect(found).toBe(at('net.quant.yaml'));
  });

  it('takes .yml of the same stem', () => {
    expect(findRecipe(model, [{ path: at('net.quant.yml'), model: null }])).toBe(
      at('net.quant.yml'),
    );
  });

  it('else takes the first by name that names the model', () => {
    const found = findRecipe(model, [
      { path: at('z.quant.yaml'), model: './net.onnx' },
      { path: at('b.quant.yaml'), model: '../models/net.onnx' },
      { path: at('a.quant.yaml'), model: 'other.onnx' },
    ]);
    expect(found).toBe(at('b.quant.yaml'));
  });

  it('else finds none', () => {
    expect(findRecipe(model, [{ path: at('a.quant.yaml'), model: 'x/net.onnx' }])).toBeNull();
    expect(defaultRecipePath(model)).toBe(at('net.quant.yaml'));
  });
});

describe('modelNamedIn', () => {
  it.each([
    ['model: net.onnx', 'net.onnx'],
    ['# first\nmodel:   "my net.onnx"  # why\noutput: x', 'my net.onnx'],
    ["model: 'it.onnx'\r\n", 'it.onnx'],
    ['model: a b.onnx # comment\r\n', 'a b.onnx'],
    ['model: a#b.onnx', 'a#b.onnx'],
    ['model:\noutput: x.onnx', null],
    ['calibration:\n  model: x.onnx', null],
    ['', null],
  ])('%j names %j', (text, model) => {
    expect(modelNamedIn(text)).toBe(model);
  });
});

describe('paths', () => {
  it('knows models and recipes by their names', () => {
    expect(['a.onnx', 'A.ONNX', 'a.ort'].map(isModelPath)).toEqual([true, true, false]);
    expect(['a.quant.yaml', 'a.QUANT.yml', 'a.yaml'].map(isRecipePath)).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('names files relative to the recipe, with slashes, and finds them again', () => {
    const recipe = at('net.quant.yaml');
    const named = asNamedInRecipe(recipe, at('data/train.npz'));
    expect(named).toBe('data/train.npz');
    expect(besideRecipe(recipe, named)).toBe(at('data/train.npz'));
    expect(asNamedInRecipe(recipe, resolve('/other/x.npy'))).toBe('../other/x.npy');
  });
});

it('dataCandidates puts what says calibration first and leaves evaluation data out', () => {
  const entries = [
    ...['labels.npy', 'evaluation.npz', 'weights.npy', 'calibration.npy', 'make.py', 'a.onnx'].map(
      (name) => ({ name, folder: false }),
    ),
    ...['images', '.vernier', 'src', 'test_data_set_0', 'node_modules', 'calib', 'test'].map(
      (name) => ({ name, folder: true }),
    ),
  ];
  expect(dataCandidates(entries)).toEqual([
    'calib/',
    'calibration.npy',
    'images/',
    'test_data_set_0/',
    'weights.npy',
  ]);
});
