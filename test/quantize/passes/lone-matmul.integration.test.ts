import { describe, expect, it } from 'vitest';
import { loneMatmul } from '../../../src/quantize/passes/lone-matmul';
import { GraphBuilder, randomValues } from '../../lib/graph';
import { applied, same, untouched } from '../../lib/pass';
import { executed, quantize } from '../../lib/quantize';
import { value } from '../../lib/runtime';

type Build = (g: GraphBuilder, x: string) => string | string[];
function graph(build: Build, shape: (number | string)[] = [2, 3]) {
  const g = new GraphBuilder();
  const names = build(g, g.input('x', shape));
  return g.output(...[names].flat()).build();
}
const matmul = (g: GraphBuilder, x: string) => g.node('m', 'MatMul', [x, g.random('w', [3, 4])]);
const residual: Build = (g, x) =>
  g.node('add', 'Add', [matmul(g, x), g.node('r', 'Tanh', [g.input('y', [2, 4])])]);

describe('loneMatmul', () => {
  it('makes a Gemm whose bias stays apart', async () => {
    const model = graph(residual);
    const { context } = await applied(loneMatmul, model);
    expect(await same(loneMatmul, model)).toMatchInlineSnapshot(`
      "(x float32[2,3], y float32[2,4])
      r: r_out = Tanh(y)
      add: add_out = Add(m_out, r_out)
      m: m_out = Gemm(x, w[3,4])
      → add_out"
    `);
    expect(context.operatorOf('m', 'Gemm')).toBe('MatMul');
  });

  it('is executed in integers beside a computed summand', async () => {
    const feeds = [1, 2].map((seed) => ({
      x: value([2, 3], randomValues(6, seed)),
      y: value([2, 4], randomValues(8, seed)),
    }));
    const quantized = await quantize(graph(residual), { feeds });
    expect((await executed(quantized)).of('m')).toEqual({ precision: 'int8', kernel: 'QGemm' });
  });

  it.each<[string, Build, number[]?]>([
    ['the input has three axes', residual, [2, 2, 3]],
    ['no Add reads the product', (g, x) => g.node('e', 'Exp', [matmul(g, x)])],
    [
      'something else reads it too',
      (g, x) => {
        const m = matmul(g, x);
        return [g.node('add', 'Add', [m, g.input('y', [2, 4])]), g.node('e', 'Exp', [m])];
      },
    ],
    [
      'the weight is computed',
      (g, x) =>
        g.node('add', 'Add', [
          g.node('m', 'MatMul', [x, g.input('w', [3, 4])]),
          g.input('y', [2, 4]),
        ]),
    ],
  ])('does nothing where %s', async (_, build, shape) => {
    expect(await untouched(loneMatmul, graph(build, shape))).toBe(true);
  });
});
