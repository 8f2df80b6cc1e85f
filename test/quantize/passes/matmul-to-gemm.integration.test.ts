import { describe, expect, it } from 'vitest';
import { matmulToGemm } from '../../../src/quantize/passes/matmul-to-gemm';
import { GraphBuilder } from '../../lib/graph';
import { applied, same, untouched } from '../../lib/pass';

type Build = (g: GraphBuilder, x: string) => string | string[];
function graph(build: Build, shape: (number | string)[] = [2, 3]) {
  const g = new GraphBuilder();
  const names = build(g, g.input('x', shape));
  return g.output(...[names].flat()).build();
}
const matmul = (g: GraphBuilder, x: string) => g.node('m', 'MatMul', [x, g.random('w', [3, 4])]);

describe('matmulToGemm', () => {
  it('makes one Gemm of both', async () => {
    const model = graph((g, x) => g.node('add', 'Add', [matmul(g, x), g.random('b', [4])]));
    const { context } = await applied(matmulToGemm, model);
    expect(await same(matmulToGemm, model)).toMatchInlineSnapshot(`
      "(x float32[2,3])
      m: add_out = Gemm(x, w[3,4], b[4])
      → add_out"
    `);
    expect(context.hostOf('add')).toBe('m');
  });

  it.each<[string, Build, (number | string)[]?]>([
    ['the constant first', (g, x) => g.node('add', 'Add', [g.random('b', [4]), matmul(g, x)])],
    ['a bias of one row', (g, x) => g.node('add', 'Add', [matmul(g, x), g.random('b', [1, 4])])],
    ['any batch', (g, x) => g.node('add', 'Add', [matmul(g, x), g.random('b', [4])]), ['n', 3]],
  ])('%s', async (_, build, shape) => {
    const { text } = await applied(matmulToGemm, graph(build, shape));
    expect(text).toContain('Gemm(x, w[3,4], b[');
    if (!shape) await same(matmulToGemm, graph(build));
  });

  it.each<[string, Build, number[]?]>([
    [
      'the input has more axes',
      (g, x) => g.node('add', 'Add', [matmul(g, x), g.random('b', [4])]),
      [2, 2, 3],
    ],
    [
      'one value is added to all',
      (g, x) => g.node('add', 'Add', [matmul(g, x), g.random('b', [])]),
    ],
    [
      'every row gets another bias',
      (g, x) => g.node('add', 'Add', [matmul(g, x), g.random('b', [2, 4])]),
    ],
    [
      'something else reads the product',
      (g, x) => {
        const m = matmul(g, x);
        return [g.node('add', 'Add', [m, g.random('b', [4])]), g.node('e', 'Exp', [m])];
      },
    ],
    [
      'the product is an output',
      (g, x) => {
        const m = matmul(g, x);
        return [m, g.node('add', 'Add', [m, g.random('b', [4])])];
      },
    ],
    [
      'both sides of the product are computed',
      (g, x) =>
        g.node('add', 'Add', [
          g.node('m', 'MatMul', [x, g.input('y', [3, 4])]),
          g.random('b', [4]),
        ]),
    ],
    [
      'both sides of the sum are computed',
      (g, x) => g.node('add', 'Add', [matmul(g, x), g.input('y', [4])]),
    ],
  ])('does nothing where %s', async (_, build, shape) => {
    expect(await untouched(matmulToGemm, graph(build, shape))).toBe(true);
  });
});
