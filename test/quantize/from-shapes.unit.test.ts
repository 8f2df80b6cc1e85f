import { describe, expect, it } from 'vitest';
import { GraphIndex } from '../../src/onnx';
import { isFromShapes } from '../../src/quantize/from-shapes';
import { GraphBuilder } from '../lib/graph';

describe('tensors that no data can change', () => {
  const g = new GraphBuilder();
  const x = g.input('x', [2, 3]);
  const shape = g.node('shape', 'Shape', [x]);
  const zeros = g.node('zeros', 'ConstantOfShape', [shape]);
  const half = g.node('half', 'Mul', [zeros, g.constant('c', [], [0.5])]);
  const drawn = g.node('drawn', 'RandomNormalLike', [zeros]);
  const sum = g.node('sum', 'Add', [half, x]);
  g.output(g.node('out', 'Add', [sum, drawn]));
  const index = new GraphIndex(g.build().graph);

  it.each<[string, string, boolean]>([
    ['a constant', 'c', true],
    ['a shape', shape, true],
    ['zeros of a shape', zeros, true],
    ['their product with a constant', half, true],
    ['an input', x, false],
    ['a sum with an input', sum, false],
    ['random numbers of that shape', drawn, false],
  ])('%s', (_, tensor, fixed) => {
    expect(isFromShapes(index, tensor)).toBe(fixed);
  });
});
