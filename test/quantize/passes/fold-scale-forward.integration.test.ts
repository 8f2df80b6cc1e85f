import { describe, expect, it } from 'vitest';
import { foldScaleForward } from '../../../src/quantize/passes/fold-scale-forward';
import { countOps, GraphBuilder } from '../../lib/graph';
import { applied, same, untouched } from '../../lib/pass';

/** A number times x, and what reads it. */
function graph(read: (g: GraphBuilder, scaled: string) => string[], dims: number[] = []) {
  const g = new GraphBuilder();
  const factor = g.constant('s', dims, new Float32Array(dims.length ? dims[0]! : 1).fill(0.25));
  const scaled = g.node('mul', 'Mul', [g.input('x', [1, 4, 6, 6]), factor]);
  return g.output(...read(g, scaled)).build();
}
const conv = (g: GraphBuilder, x: string, name = 'c') =>
  g.node(name, 'Conv', [x, g.random(`${name}.w`, [3, 4, 3, 3]), g.random(`${name}.b`, [3])]);

describe('a number before convolutions and products', () => {
  it('goes into their weights, whatever their biases', async () => {
    const model = graph((g, x) => [conv(g, x), g.node('m', 'MatMul', [x, g.random('w', [6, 5])])]);
    expect(await same(foldScaleForward, model)).not.toContain('= Mul(');
    const { after, context } = await applied(foldScaleForward, model);
    expect(countOps(after)).toEqual({ Conv: 1, MatMul: 1 });
    expect(context.absorbedByHost().get('c')).toEqual(['mul']);
  });

  it('leaves a weight that others read to them', async () => {
    const model = graph((g, x) => [
      g.node('m', 'MatMul', [x, g.random('w', [6, 5])]),
      g.node('n', 'MatMul', ['x', 'w']),
    ]);
    expect(await same(foldScaleForward, model)).not.toContain('= Mul(');
  });

  it.each<[string, Parameters<typeof graph>]>([
    ['another reader', [(g, x) => [conv(g, x), g.node('r', 'Relu', [x])]]],
    ['a weight that is computed', [(g, x) => [g.node('m', 'MatMul', [x, g.input('w', [6, 5])])]]],
    ['an output of the model', [(g, x) => [conv(g, x), x]]],
    ['a number for every column', [(g, x) => [conv(g, x)], [6]]],
  ])('does nothing where there is %s', async (_, [read, dims]) => {
    expect(await untouched(foldScaleForward, graph(read, dims))).toBe(true);
  });
});
