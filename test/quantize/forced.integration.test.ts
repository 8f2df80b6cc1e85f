/** Layers that stay float by default, asked for in INT8 by the recipe: they run in integers, close to what they were. */
import { describe, expect, it } from 'vitest';
import { ClosenessAccumulator } from '../../src/numeric';
import { makeTensor } from '../../src/onnx';
import { GraphBuilder, randomValues } from '../lib/graph';
import { executed, quantize } from '../lib/quantize';
import { output, value } from '../lib/runtime';

type Build = (g: GraphBuilder, x: string) => string;
const SHAPE = [1, 4, 8];
const MATRIX = [4, 8];

const cases: Record<string, { build: Build; kernel: string; db: number; shape?: number[] }> = {
  Softmax: {
    build: (g, x) => g.node('op', 'Softmax', [x], { axis: -1 }),
    kernel: 'QLinearSoftmax',
    db: 30,
  },
  'Add of two float tensors': {
    build: (g, x) => g.node('op', 'Add', [x, g.node('tanh', 'Tanh', [x])]),
    kernel: 'QLinearAdd',
    db: 35,
  },
  'Add of a constant': {
    build: (g, x) => g.node('op', 'Add', [x, g.random('offset', [8])]),
    kernel: 'QLinearAdd',
    db: 35,
  },
  'Mul of a constant': {
    build: (g, x) => g.node('op', 'Mul', [g.random('gain', [8]), x]),
    kernel: 'QLinearMul',
    db: 35,
  },
  Where: {
    build: (g, x) => {
      const choice = Uint8Array.from({ length: 8 }, (_, i) => i % 2);
      const condition = g.tensor(makeTensor('choice', 'bool', [8], choice));
      return g.node('op', 'Where', [condition, x, g.node('tanh', 'Tanh', [x])]);
    },
    kernel: 'QLinearWhere',
    db: 35,
  },
  'MatMul of two results': {
    build: (g, x) => {
      const turned = g.node('turn', 'Transpose', [x], { perm: [0, 2, 1] });
      return g.node('op', 'MatMul', [x, turned]);
    },
    kernel: 'MatMulIntegerToFloat',
    db: 30,
  },
  'Sigmoid of a float tensor': {
    build: (g, x) => g.node('op', 'Sigmoid', [g.node('exp', 'Exp', [x])]),
    kernel: 'QLinearSigmoid',
    db: 30,
  },
  MaxPool: {
    build: (g, x) => g.node('op', 'MaxPool', [x], { kernel_shape: [2] }),
    kernel: 'MaxPool',
    db: 35,
  },
  'Add in a LayerNorm': {
    build: (g, x) => {
      const mean = (name: string, y: string) => g.node(name, 'ReduceMean', [y], { axes: [-1] });
      const d = g.node('d', 'Sub', [x, mean('m', x)]);
      const variance = mean('v', g.node('p', 'Mul', [d, d]));
      const eps = g.node('e', 'Add', [variance, g.constant('eps', [], [1e-5])]);
      const y = g.node('n', 'Div', [d, g.node('s', 'Sqrt', [eps])]);
      return g.node('op', 'Add', [y, g.random('beta', [8])]);
    },
    kernel: 'QLinearAdd',
    db: 30,
  },
};

function network({ build, shape = SHAPE }: (typeof cases)[string]) {
  const g = new GraphBuilder();
  return g.output(build(g, g.input('x', shape))).build();
}
const feedsOf = ({ shape = SHAPE }: (typeof cases)[string]) => {
  const count = shape.reduce((a, b) => a * b, 1);
  return [1, 2, 3, 4].map((seed) => ({ x: value(shape, randomValues(count, seed)) }));
};

describe('a layer that the recipe asks for in INT8', () => {
  it.each(Object.entries(cases))('%s', async (_, row) => {
    const model = network(row);
    const feeds = feedsOf(row);
    const quantized = await quantize(model, { feeds, forced: ['op'] });
    const found = quantized.placement.units.find((p) => p.unit.name === 'op')!;
    expect(found).toMatchObject({ integer: true, reason: null });
    expect((await executed(quantized)).of('op')).toEqual({ precision: 'int8', kernel: row.kernel });
    const sum = new ClosenessAccumulator();
    for (const feed of feeds)
      sum.add(await output(model, feed), await output(quantized.model, feed));
    expect(sum.sqnrDb).toBeGreaterThan(row.db);
  });

  it.each(Object.entries(cases))('%s stays float by default', async (_, row) => {
    const quantized = await quantize(network(row), { feeds: feedsOf(row) });
    const found = quantized.placement.units.find((p) => p.unit.name === 'op')!;
    expect(found.integer).toBe(false);
    expect(found.reason).not.toBeNull();
    expect(quantized.model.graph.node.map((n) => n.opType)).not.toContain('QuantizeLinear');
  });

  it('stays float where there is no kernel, or a mask goes through it', async () => {
    const tanh = network({ build: (g, x) => g.node('op', 'Tanh', [x]), kernel: '', db: 0 });
    const masked = network({
      build: (g, x) =>
        g.node('op', 'Where', [
          g.tensor(makeTensor('c', 'bool', [1], Uint8Array.of(1))),
          x,
          g.constant('mask', [], [-1e4]),
        ]),
      kernel: '',
      db: 0,
    });
    for (const model of [tanh, masked]) {
      const { placement } = await quantize(model, { forced: ['op'] });
      expect(placement.units[0]).toMatchObject({ integer: false });
      expect(placement.quantized.size).toBe(0);
    }
  });
});

describe('a Gemm that only integer layers read', () => {
  it('writes codes, and its Relu is in them', async () => {
    const g = new GraphBuilder();
    const first = g.node('first', 'Gemm', [
      g.input('x', MATRIX),
      g.random('w1', [8, 8]),
      g.random('b1', [8]),
    ]);
    const relu = g.node('relu', 'Relu', [first]);
    g.output(g.node('second', 'Gemm', [relu, g.random('w2', [8, 4]), g.random('b2', [4])]));
    const quantized = await quantize(g.build());
    const { optimized } = await executed(quantized);
    expect(optimized.graph.node.map((n) => n.opType)).toEqual(['QuantizeLinear', 'QGemm', 'QGemm']);
  });

  it('writes float where a float layer reads it too', async () => {
    const g = new GraphBuilder();
    const first = g.node('first', 'Gemm', [g.input('x', MATRIX), g.random('w1', [8, 8])]);
    const second = g.node('second', 'Gemm', [first, g.random('w2', [8, 4])]);
    g.output(second, g.node('tanh', 'Tanh', [first]));
    const { placement } = await quantize(g.build());
    expect([...placement.shipped]).toEqual([]);
  });
});

describe('an elementwise layer of which one side comes in float', () => {
  const network2 = (keep: string[]) => {
    const g = new GraphBuilder();
    const conv = (name: string, x: string) =>
      g.node(name, 'Conv', [x, g.random(`${name}.w`, [4, 4, 1, 1])]);
    const a = conv('a', g.input('x', [1, 4, 6, 6]));
    const gate = g.node('gate', 'HardSigmoid', [conv('b', a)]);
    const joined = g.node('joined', 'Concat', [g.node('mul', 'Mul', [a, gate]), gate], { axis: 1 });
    g.output(g.node('last', 'Conv', [joined, g.random('last.w', [4, 8, 1, 1])]));
    return quantize(g.build(), { keep });
  };

  it('is integer where an integer layer reads the result', async () => {
    const quantized = await network2([]);
    const { of, optimized } = await executed(quantized);
    expect(of('mul')).toEqual({ precision: 'int8', kernel: 'QLinearMul' });
    expect(optimized.graph.node.map((n) => n.opType)).toContain('QLinearConcat');
  });

  it('stays float beside what the recipe keeps', async () => {
    const { placement } = await network2(['gate']);
    expect(placement.units.find((p) => p.unit.name === 'mul')!.integer).toBe(false);
    expect(placement.joining).toEqual([]);
  });
});
