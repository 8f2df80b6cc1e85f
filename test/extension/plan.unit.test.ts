import { describe, expect, it } from 'vitest';
import {
  afterRun,
  fragmentsFor,
  isEmptyFragment,
  planCell,
  topLevelKeys,
} from '../../src/extension/notebook/plan';

describe('planCell', () => {
  it.each([
    ['model: a.onnx\noutput: b.onnx', null, ['layers']],
    ['calibration:\n  data: x.npy', 'calibrate', ['ranges']],
    ['quantization:\n  mode: static', 'quantize', ['quantized']],
    ['keep_fp32:\n  - /conv5', 'all', ['verdict', 'heatmap']],
    ['evaluate: { data: x.npz }', 'all', ['verdict', 'heatmap']],
    [
      'model: a.onnx\ncalibration: { data: random }\nquantization: {}',
      'quantize',
      ['layers', 'ranges', 'quantized'],
    ],
    ['# nothing yet', null, []],
  ])('%j', (fragment, until, show) => {
    expect(planCell(fragment)).toEqual({ until, show });
  });
});

it('topLevelKeys sees keys at the left edge only', () => {
  expect(topLevelKeys('a: 1\n  b: 2\n# c: 3\n"d": 4\ne:\n- f: 5\ng:h')).toEqual(['a', 'd', 'e']);
});

it('isEmptyFragment', () => {
  expect(['', '\n # x\n', 'a: 1', '# x\na: 1'].map(isEmptyFragment)).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

describe('fragments', () => {
  const model = { id: '1', text: 'model: a.onnx' };
  const data = { id: '2', text: 'calibration: { data: x.npy }' };
  const keep = { id: '3', text: 'keep_fp32: [a]' };

  it('add up in the order in which the cells ran', () => {
    const ran = afterRun(afterRun([], keep), model);
    expect(fragmentsFor(ran, [], data)).toEqual([keep.text, model.text, data.text]);
  });

  it('a cell that runs again counts once, with its new text, last', () => {
    const ran = [model, { ...data, text: 'calibration: { data: old.npy }' }, keep];
    expect(fragmentsFor(ran, [], data)).toEqual([model.text, keep.text, data.text]);
    expect(afterRun(ran, data)).toEqual([model, keep, data]);
  });

  it('without a model the cells above come first', () => {
    expect(fragmentsFor([], [model, data], keep)).toEqual([model.text, data.text, keep.text]);
    expect(fragmentsFor([data], [model, data], keep)).toEqual([model.text, data.text, keep.text]);
    expect(fragmentsFor([model], [model, data], keep)).toEqual([model.text, keep.text]);
  });

  it('leaves cells of comments out', () => {
    expect(fragmentsFor([model], [], { id: '4', text: '# later' })).toEqual([model.text]);
  });
});
