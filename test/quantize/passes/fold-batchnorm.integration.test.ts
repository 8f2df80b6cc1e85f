import { describe, expect, it } from 'vitest';
import { GraphIndex, makeTensor, type Model } from '../../../src/onnx';
import { batchNormHost, foldBatchNorm } from '../../../src/quantize/passes/fold-batchnorm';
import { float, GraphBuilder, nodeOf, randomValues } from '../../lib/graph';
import { applied, same, untouched } from '../../lib/pass';

type Build = (g: GraphBuilder, x: string) => string | string[];
const IMAGE = [2, 4, 5, 5];

function graph(build: Build, shape = IMAGE): Model {
  const g = new GraphBuilder();
  const names = build(g, g.input('x', shape));
  return g.output(...[names].flat()).build();
}

/** BatchNormalization of a tensor with `channels` random parameters. */
function norm(g: GraphBuilder, x: string, channels: number, outputs?: string[], extra = {}) {
  const positive = randomValues(channels, 'variance', 0.1, 2);
  const parameters = [
    g.random('gamma', [channels]),
    g.random('beta', [channels]),
    g.random('mean', [channels]),
    g.constant('variance', [channels], positive),
  ];
  return g.node('bn', 'BatchNormalization', [x, ...parameters], extra, outputs);
}
const conv = (g: GraphBuilder, x: string, ...bias: string[]) =>
  g.node('c', 'Conv', [x, g.random('w', [6, 4, 3, 3]), ...bias]);

describe('foldBatchNorm', () => {
  it('puts it into the convolution before it', async () => {
    const model = graph((g, x) => g.node('r', 'Relu', [norm(g, conv(g, x), 6)]));
    const { context } = await applied(foldBatchNorm, model);
    expect(await same(foldBatchNorm, model)).toMatchInlineSnapshot(`
      "(x float32[2,4,5,5])
      c: bn_out = Conv(x, c.weight[6,4,3,3], c.bias[6])
      r: r_out = Relu(bn_out)
      → r_out"
    `);
    expect(context.hostOf('bn')).toBe('c');
  });

  it.each<[string, Build, number[]?]>([
    ['Conv with bias', (g, x) => norm(g, conv(g, x, g.random('b', [6])), 6)],
    [
      'grouped Conv',
      (g, x) => norm(g, g.node('c', 'Conv', [x, g.random('w', [6, 2, 3, 3])], { group: 2 }), 6),
    ],
    [
      'ConvTranspose',
      (g, x) => norm(g, g.node('c', 'ConvTranspose', [x, g.random('w', [4, 6, 2, 2])]), 6),
    ],
    [
      'grouped ConvTranspose with bias',
      (g, x) =>
        norm(
          g,
          g.node('c', 'ConvTranspose', [x, g.random('w', [4, 3, 2, 2]), g.random('b', [6])], {
            group: 2,
          }),
          6,
        ),
    ],
    ['Gemm', (g, x) => norm(g, g.node('c', 'Gemm', [x, g.random('w', [4, 6])]), 6), [3, 4]],
    [
      'Gemm, transB, with bias, alpha and beta',
      (g, x) =>
        norm(
          g,
          g.node('c', 'Gemm', [x, g.random('w', [6, 4]), g.random('b', [6])], {
            transB: 1,
            alpha: float(0.5),
            beta: float(2),
          }),
          6,
        ),
      [3, 4],
    ],
    [
      'Gemm with one bias for all',
      (g, x) => norm(g, g.node('c', 'Gemm', [x, g.random('w', [4, 6]), g.random('b', [1])]), 6),
      [3, 4],
    ],
    ['an epsilon of its own', (g, x) => norm(g, conv(g, x), 6, undefined, { epsilon: float(0.1) })],
    [
      'a convolution in one dimension',
      (g, x) => norm(g, g.node('c', 'Conv', [x, g.random('w', [6, 4, 3])]), 6),
      [2, 4, 9],
    ],
  ])('%s', async (_, build, shape) => {
    const model = graph(build, shape);
    expect(await same(foldBatchNorm, model)).not.toContain('BatchNormalization');
  });

  it('leaves a weight that others read as it is', async () => {
    const model = graph((g, x) => [norm(g, conv(g, x), 6), g.node('d', 'Conv', [x, 'w'])]);
    const text = await same(foldBatchNorm, model);
    expect(text).toContain('d_out = Conv(x, w[6,4,3,3])');
    expect(text).toContain('c: bn_out = Conv(x, c.weight[6,4,3,3], c.bias[6])');
  });

  it.each<[string, string, Build, number[]?]>([
    [
      'another node reads the value before',
      'e',
      (g, x) => {
        const c = conv(g, x);
        return [norm(g, c, 6), g.node('e', 'Exp', [c])];
      },
    ],
    [
      'the value before is an output',
      'c',
      (g, x) => {
        const c = conv(g, x);
        return [norm(g, c, 6), c];
      },
    ],
    ['it follows another operator', 'e', (g, x) => norm(g, g.node('e', 'Exp', [x]), 4)],
    ['it reads the input', 'bn', (g, x) => norm(g, x, 4)],
    [
      'the weight is computed',
      'c',
      (g, x) =>
        norm(g, g.node('c', 'Conv', [x, g.node('k', 'Abs', [g.input('w', [6, 4, 3, 3])])]), 6),
    ],
    [
      'the weight is float16',
      'c',
      (g, x) => {
        const half = makeTensor('h', 'float16', [6, 4, 1, 1], new Uint16Array(24));
        return norm(g, g.node('c', 'Conv', [x, g.tensor(half)]), 6);
      },
    ],
    [
      'the Gemm transposes its input',
      'c',
      (g, x) => norm(g, g.node('c', 'Gemm', [x, g.random('w', [3, 6])], { transA: 1 }), 6),
      [3, 4],
    ],
    [
      'the bias of the Gemm differs from row to row',
      'c',
      (g, x) => norm(g, g.node('c', 'Gemm', [x, g.random('w', [4, 6]), g.random('b', [6, 1])]), 6),
      [6, 4],
    ],
    [
      'the bias of the Gemm is a matrix',
      'c',
      (g, x) => norm(g, g.node('c', 'Gemm', [x, g.random('w', [4, 6]), g.random('b', [3, 6])]), 6),
      [3, 4],
    ],
  ])('does nothing where %s, and blames %s', async (_, blocker, build, shape) => {
    const model = graph(build, shape);
    expect(await untouched(foldBatchNorm, model)).toBe(true);
    const found = batchNormHost(new GraphIndex(model.graph), nodeOf(model, 'bn'));
    expect(found).toMatchObject({ blockedBy: blocker, reason: expect.stringMatching(/.{10}/) });
  });

  it('does nothing in training mode', async () => {
    const model = graph((g, x) =>
      norm(g, conv(g, x), 6, ['y', 'running_mean', 'running_var'], { training_mode: 1 }),
    );
    expect(await untouched(foldBatchNorm, model)).toBe(true);
  });
});
