import { describe, expect, it } from 'vitest';
import { combineFragments } from '../../src/recipe/fragments';
import { parseRecipe } from '../../src/recipe/parse';

describe('combineFragments', () => {
  it('adds up: maps merge, later keys override, lists are replaced', () => {
    const { text, problems } = combineFragments([
      'model: m.onnx # a comment\n',
      'calibration:\n  data: a\n  samples: 3\n  image: { crop: 2, mean: [1, 2] }\nkeep_fp32: [/a]\n',
      '',
      '# only a comment',
      'keep_fp32: [/b]\ncalibration: { samples: 4, image: { mean: [3] } }\nlimits:\n',
    ]);
    expect(problems).toEqual([]);
    expect(parseRecipe(text, 'a').recipe).toEqual({
      model: 'm.onnx',
      calibration: { data: 'a', samples: 4, image: { crop: 2, mean: [3] } },
      keep_fp32: ['/b'],
    });
  });

  it('reports a problem in its own cell, and leaves that cell out', () => {
    const { text, problems } = combineFragments([
      'model: m\ntarget: arm64',
      '\n\ntarget: arm46',
      'output: [',
      'calibration: { data: random }',
    ]);
    expect(problems.map(({ fragment, line, code }) => [fragment, line, code])).toEqual([
      [1, 3, 'wrong-value'],
      [2, 1, 'syntax'],
    ]);
    expect(parseRecipe(text, 'a').recipe).toMatchObject({ model: 'm', target: 'arm64' });
  });

  it('is the same whatever cells the keys are spread over', () => {
    const one = combineFragments(['model: m\nlimits: { speedup: 2 }\ntarget: onnx']).text;
    expect(combineFragments(['limits: { speedup: 2 }', 'target: onnx', 'model: m']).text).toBe(one);
  });

  it('is empty for nothing', () => {
    expect(combineFragments([])).toEqual({ text: '', problems: [] });
  });
});
