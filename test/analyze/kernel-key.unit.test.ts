import { describe, expect, it } from 'vitest';
import { kernelKey } from '../../src/analyze/kernel-key';
import { GraphBuilder } from '../lib/graph';

function dense({ width = 4, scale = 1, transB = 0, op = 'Relu' } = {}) {
  const g = new GraphBuilder();
  const weights = g.random('w', [4, width], scale);
  const product = g.node('fc', 'Gemm', [g.input('x', [1, 4]), weights], { transB });
  g.output(g.node('act', op, [product]));
  return kernelKey(g.build());
}

describe('the key of the kernels that a graph runs', () => {
  it('does not change with the values of constants', () => {
    expect(dense({ scale: 7 })).toBe(dense());
  });

  it.each([{ width: 5 }, { transB: 1 }, { op: 'Sigmoid' }])('changes with %o', (change) => {
    expect(dense(change)).not.toBe(dense());
  });
});
