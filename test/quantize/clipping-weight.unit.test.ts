import { describe, expect, it } from 'vitest';
import { GraphIndex } from '../../src/onnx';
import { clippingWeight, COHERENT, INDEPENDENT } from '../../src/quantize/clipping-weight';
import { GraphBuilder } from '../lib/graph';

const TWO_SIDED = { min: -3, max: 4 };
const WEIGHTS: Record<string, number[]> = { MatMul: [8, 4], Gemm: [8, 4], Conv: [4, 8, 1, 1] };

function weightAt(range: { min: number; max: number }, readers: readonly string[]): number {
  const g = new GraphBuilder();
  const x = g.input('x', readers.includes('Conv') ? [1, 8, 4, 4] : [2, 8]);
  for (const [i, op] of readers.entries()) {
    const dims = WEIGHTS[op];
    g.output(g.node(`n${i}`, op, dims ? [x, g.random(`w${i}`, dims)] : [x]));
  }
  return clippingWeight(new GraphIndex(g.build().graph), 'x', range);
}

describe('clippingWeight', () => {
  it.each<[string, { min: number; max: number }, string[], number]>([
    ['rows of products, both signs', TWO_SIDED, ['MatMul', 'Gemm'], INDEPENDENT],
    ['one sign: what is clipped shifts the sum', { min: 0, max: 4 }, ['MatMul'], COHERENT],
    ['hardly a second sign', { min: -0.17, max: 4 }, ['MatMul'], COHERENT],
    ['windows', TWO_SIDED, ['Conv'], COHERENT],
    ['one reader of another kind', TWO_SIDED, ['MatMul', 'Relu'], COHERENT],
    ['nobody: an output', TWO_SIDED, [], COHERENT],
  ])('%s', (_, range, readers, weight) => {
    expect(weightAt(range, readers)).toBe(weight);
  });
});
