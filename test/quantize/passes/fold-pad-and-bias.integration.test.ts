import { describe, expect, it } from 'vitest';
import type { Model } from '../../../src/onnx';
import { foldBias } from '../../../src/quantize/passes/fold-bias';
import { foldPad } from '../../../src/quantize/passes/fold-pad';
import { plainGemm } from '../../../src/quantize/passes/plain-gemm';
import { float, GraphBuilder } from '../../lib/graph';
import { applied, same, untouched } from '../../lib/pass';

type Build = (g: GraphBuilder, x: string) => string | string[];
function graph(build: Build, shape: readonly number[] = [1, 3, 6, 6]): Model {
  const g = new GraphBuilder();
  const names = build(g, g.input('x', shape));
  return g.output(...[names].flat()).build();
}

describe('foldPad', () => {
  const AROUND = [0, 0, 1, 2, 0, 0, 3, 4];
  const padded = (g: GraphBuilder, x: string, pads = AROUND, ...value: string[]) =>
    g.node('pad', 'Pad', [x, g.ints('pads', pads), ...value]);
  const conv = (g: GraphBuilder, x: string, attributes = {}) =>
    g.node('c', 'Conv', [x, g.random('w', [4, 3, 3, 3])], attributes);

  it('adds its zeros to those of the convolution', async () => {
    const model = graph((g, x) => conv(g, padded(g, x), { pads: [1, 1, 0, 0], strides: [2, 2] }));
    const { context } = await applied(foldPad, model);
    expect(await same(foldPad, model)).toMatchInlineSnapshot(`
      "(x float32[1,3,6,6])
      c: c_out = Conv(x, w[4,3,3,3]) {pads=[2,3,3,4], strides=[2,2]}
      → c_out"
    `);
    expect(context.hostOf('pad')).toBe('c');
  });

  it.each<[string, Build]>([
    [
      'a zero that is written out',
      (g, x) => conv(g, padded(g, x, AROUND, g.constant('z', [], [0]))),
    ],
    ['a convolution of valid places', (g, x) => conv(g, padded(g, x), { auto_pad: 'VALID' })],
    [
      'two convolutions',
      (g, x) => {
        const p = padded(g, x);
        return [conv(g, p), g.node('d', 'Conv', [p, g.random('v', [2, 3, 1, 1])])];
      },
    ],
  ])('%s', async (_, build) => expect(await same(foldPad, graph(build))).not.toContain('Pad('));

  it.each<[string, Build]>([
    [
      'it pads with something else',
      (g, x) => conv(g, padded(g, x, AROUND, g.constant('one', [], [1]))),
    ],
    [
      'it repeats the edge',
      (g, x) => conv(g, g.node('pad', 'Pad', [x, g.ints('pads', AROUND)], { mode: 'edge' })),
    ],
    ['it cuts', (g, x) => conv(g, padded(g, x, [0, 0, -1, 0, 0, 0, 0, 0]))],
    [
      'it adds channels',
      (g, x) =>
        g.node('c', 'Conv', [padded(g, x, [0, 1, 0, 0, 0, 0, 0, 0]), g.random('w', [2, 4, 3, 3])]),
    ],
    [
      'something else reads it',
      (g, x) => {
        const p = padded(g, x);
        return [conv(g, p), g.node('e', 'Exp', [p])];
      },
    ],
    [
      'it is an output',
      (g, x) => {
        const p = padded(g, x);
        return [p, conv(g, p)];
      },
    ],
    ['the convolution pads by itself', (g, x) => conv(g, padded(g, x), { auto_pad: 'SAME_UPPER' })],
    [
      'a pool follows, whose mean would change',
      (g, x) => g.node('p', 'AveragePool', [padded(g, x)], { kernel_shape: [2, 2] }),
    ],
    [
      'its amounts are computed',
      (g, x) => conv(g, g.node('pad', 'Pad', [x, g.node('a', 'Abs', [g.ints('pads', AROUND)])])),
    ],
  ])('does nothing where %s', async (_, build) => {
    expect(await untouched(foldPad, graph(build))).toBe(true);
  });
});

describe('foldBias', () => {
  const conv = (g: GraphBuilder, x: string, ...bias: string[]) =>
    g.node('c', 'Conv', [x, g.random('w', [4, 3, 1, 1]), ...bias]);

  it('makes the Add the bias of the convolution', async () => {
    const model = graph((g, x) => g.node('add', 'Add', [conv(g, x), g.random('k', [4, 1, 1])]));
    const { context } = await applied(foldBias, model);
    expect(await same(foldBias, model)).toMatchInlineSnapshot(`
      "(x float32[1,3,6,6])
      c: add_out = Conv(x, w[4,3,1,1], c.bias[4])
      → add_out"
    `);
    expect(context.hostOf('add')).toBe('c');
  });

  it.each<[string, Build]>([
    [
      'the constant first',
      (g, x) => g.node('add', 'Add', [g.random('k', [1, 4, 1, 1]), conv(g, x)]),
    ],
    ['one value for all', (g, x) => g.node('add', 'Add', [conv(g, x), g.random('k', [])])],
    [
      'a bias that is there already',
      (g, x) => g.node('add', 'Add', [conv(g, x, g.random('b', [4])), g.random('k', [4, 1, 1])]),
    ],
  ])('%s', async (_, build) => expect(await same(foldBias, graph(build))).not.toContain('Add('));

  it.each<[string, Build]>([
    [
      'the constant differs along a row',
      (g, x) => g.node('add', 'Add', [conv(g, x), g.random('k', [6])]),
    ],
    [
      'it has more axes',
      (g, x) => g.node('add', 'Add', [conv(g, x), g.random('k', [1, 1, 4, 1, 1])]),
    ],
    [
      'both sides are computed',
      (g, x) => g.node('add', 'Add', [conv(g, x), g.input('k', [4, 1, 1])]),
    ],
    [
      'something else reads the convolution',
      (g, x) => {
        const c = conv(g, x);
        return [g.node('add', 'Add', [c, g.random('k', [4, 1, 1])]), g.node('e', 'Exp', [c])];
      },
    ],
    [
      'the convolution is an output',
      (g, x) => {
        const c = conv(g, x);
        return [c, g.node('add', 'Add', [c, g.random('k', [4, 1, 1])])];
      },
    ],
    [
      'it follows another operator',
      (g, x) => g.node('add', 'Add', [g.node('e', 'Exp', [x]), g.random('k', [3, 1, 1])]),
    ],
    [
      'the bias is computed',
      (g, x) => g.node('add', 'Add', [conv(g, x, g.input('b', [4])), g.random('k', [4, 1, 1])]),
    ],
  ])('does nothing where %s', async (_, build) => {
    expect(await untouched(foldBias, graph(build))).toBe(true);
  });
});

describe('plainGemm', () => {
  const gemm = (g: GraphBuilder, x: string, bias: string[], attributes = {}) =>
    g.node('g', 'Gemm', [x, g.random('w', [3, 4]), ...bias], attributes);
  const SCALED = { alpha: float(0.5), beta: float(2) };

  it('puts alpha and beta into weights and bias', async () => {
    const model = graph((g, x) => gemm(g, x, [g.random('b', [4])], SCALED), [2, 3]);
    expect(await same(plainGemm, model)).toMatchInlineSnapshot(`
      "(x float32[2,3])
      g: g_out = Gemm(x, g.weight[3,4], g.bias[4])
      → g_out"
    `);
  });

  it.each<[string, Build, string]>([
    [
      'a scalar bias gets one value an output',
      (g, x) => gemm(g, x, [g.random('b', [])]),
      'g.bias[4]',
    ],
    ['a bias of one row', (g, x) => gemm(g, x, [g.random('b', [1, 4])], SCALED), 'g.bias[4]'],
    ['a bias of one by one', (g, x) => gemm(g, x, [g.random('b', [1, 1])]), 'g.bias[4]'],
    ['no bias', (g, x) => gemm(g, x, [], SCALED), 'Gemm(x, g.weight[3,4])'],
  ])('%s', async (_, build, part) => {
    expect(await same(plainGemm, graph(build, [2, 3]))).toContain(part);
  });

  it('turns an input with a Transpose where the node did', async () => {
    const build: Build = (g, x) => gemm(g, x, [g.random('b', [4])], { transA: 1 });
    expect(await same(plainGemm, graph(build, [3, 2]))).toMatchInlineSnapshot(`
      "(x float32[3,2])
      g: g_out = Gemm(x_transposed, w[3,4], b[4])
      g/Transpose: x_transposed = Transpose(x) {perm=[1,0]}
      → g_out"
    `);
  });

  it.each<[string, Build, number[]]>([
    ['a bias that differs from row to row', (g, x) => gemm(g, x, [g.random('b', [2, 1])]), [2, 3]],
    ['as many rows as outputs', (g, x) => gemm(g, x, [g.random('b', [4, 1])]), [4, 3]],
    ['a matrix as bias', (g, x) => gemm(g, x, [g.random('b', [2, 4])], { beta: float(2) }), [2, 3]],
  ])('%s stays a bias of rows', async (_, build, shape) => {
    expect(await same(plainGemm, graph(build, shape))).not.toContain('g.bias');
  });

  it.each<[string, Build]>([
    ['alpha and beta are 1 already', (g, x) => gemm(g, x, [g.random('b', [4])])],
    ['the weight is computed', (g, x) => g.node('g', 'Gemm', [x, g.input('w', [3, 4])], SCALED)],
    ['the bias is computed', (g, x) => gemm(g, x, [g.input('b', [4])], SCALED)],
  ])('does nothing where %s', async (_, build) => {
    expect(await untouched(plainGemm, graph(build, [2, 3]))).toBe(true);
  });
});
