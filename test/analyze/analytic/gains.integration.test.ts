/** Gains of noise, beside what the runtime makes of noise that is added. */
import { describe, expect, it } from 'vitest';
import { outputGains } from '../../../src/analyze/analytic/gain';
import { mean } from '../../../src/analyze/analytic/field';
import { Net } from '../../../src/analyze/analytic/net';
import { powersOf } from '../../../src/analyze/analytic/power';
import { Random } from '../../../src/numeric';
import type { Model } from '../../../src/onnx';
import { inferShapes } from '../../../src/onnx/shapes';
import { TensorStatistics } from '../../../src/quantize/statistics';
import { GraphBuilder, randomValues } from '../../lib/graph';
import { output, tensors } from '../../lib/runtime';

const RUNS = 96;

/** Normal values. */
function normal(count: number, random: Random): Float32Array {
  return Float32Array.from({ length: count }, () => {
    const [u, v] = [random.uniform(1e-9, 1), random.uniform(0, 1)];
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
  });
}

/** Noise-to-signal at the output for a unit of noise power on the input: measured, and by the gains. */
async function both(model: Model, dims: number[]) {
  const random = new Random(5);
  const count = dims.reduce((a, b) => a * b, 1);
  const seen = new Map<string, TensorStatistics>();
  const names = [...model.graph.node.flatMap((n) => n.output)];
  let [noise, signal] = [0, 0];
  const small = 1e-3;
  for (let run = 0; run < RUNS; run++) {
    const x = normal(count, random);
    const exact = await tensors(model, names, { x: { type: 'float32', dims, data: x } });
    exact.x = { type: 'float32', dims, data: x };
    for (const [name, value] of Object.entries(exact)) {
      if (!seen.has(name)) seen.set(name, new TensorStatistics(name));
      seen.get(name)!.add(value);
    }
    const added = normal(count, random);
    const data = x.map((v, i) => v + small * added[i]!);
    const got = await output(model, { x: { type: 'float32', dims, data } });
    const y = exact[model.graph.output[0]!.name]!.data as Float32Array;
    y.forEach((v, i) => {
      signal += v * v;
      noise += ((got[i]! - v) / small) ** 2;
    });
  }
  const net = new Net(model, inferShapes(model), seen);
  const gains = outputGains(net, powersOf(net));
  const readers = model.graph.node.filter((n) => n.input.includes('x'));
  const gain = readers.length === 1 ? gains.through(readers[0]!, 0)! : gains.of('x');
  return { measured: noise / signal, gained: mean(gain) * count };
}

/** A matrix of a low rank. @param left seed of what it reads @param right and of what it gives */
function lowRank(rows: number, columns: number, rank: number, left = 'a', right = 'b', by = 3) {
  const [a, b] = [randomValues(rows * rank, left), randomValues(rank * columns, right)];
  const scale = by / Math.sqrt(rows * rank);
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    let sum = 0;
    for (let r = 0; r < rank; r++)
      sum += a[Math.floor(i / columns) * rank + r]! * b[r * columns + (i % columns)]!;
    return sum * scale;
  });
}

const flipped = (values: Float32Array, rows: number, columns: number) =>
  values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!);

const average = (g: GraphBuilder, name: string, x: string) =>
  g.node(name, 'ReduceMean', [x], { axes: [-1], keepdims: 1 });

type Case = [dims: number[], build: (g: GraphBuilder, x: string) => string];

/** Values and keys read other channels, else they would not be independent; both heads write to the same ones. */
const attention = (scale: number): Case => [
  [1, 24, 16],
  (g, x) => {
    const heads = (name: string, perm: number[]) => {
      const half = [...lowRank(8, 16, 3, name, 'b', 2)];
      const zeros = half.map(() => 0);
      const values = name === 'v' ? [...zeros, ...half] : [...half, ...zeros];
      const all = g.node(name, 'MatMul', [x, g.constant(`${name}.w`, [16, 16], values)]);
      const split = g.node(`${name}.r`, 'Reshape', [all, g.ints(`${name}.s`, [1, 24, 2, 8])]);
      return g.node(`${name}.t`, 'Transpose', [split], { perm });
    };
    const logits = g.node('l', 'MatMul', [heads('q', [0, 2, 1, 3]), heads('k', [0, 2, 3, 1])]);
    const scaled = g.node('c', 'Mul', [logits, g.constant('by', [], [scale])]);
    const weights = g.node('s', 'Softmax', [scaled], { axis: -1 });
    const mixed = g.node('o', 'MatMul', [weights, heads('v', [0, 2, 1, 3])]);
    const back = g.node('ot', 'Transpose', [mixed], { perm: [0, 2, 1, 3] });
    const joined = g.node('z', 'Reshape', [back, g.ints('zs', [1, 24, 16])]);
    const out = flipped(lowRank(16, 16, 3, 'o', 'b', 2), 16, 16);
    return g.node('p', 'MatMul', [joined, g.constant('p.w', [16, 16], out)]);
  },
];

const CASES: Record<string, Case> = {
  Conv: [
    [1, 4, 9, 9],
    (g, x) => g.node('c', 'Conv', [x, g.random('w', [6, 4, 3, 3])], { pads: [1, 1, 1, 1] }),
  ],
  'depthwise Conv, strided': [
    [1, 6, 13, 13],
    (g, x) => g.node('c', 'Conv', [x, g.random('w', [6, 1, 3, 3])], { group: 6, strides: [2, 2] }),
  ],
  ConvTranspose: [
    [1, 4, 6, 6],
    (g, x) => g.node('c', 'ConvTranspose', [x, g.random('w', [4, 3, 4, 4])], { strides: [2, 2] }),
  ],
  'MatMul, Add, Relu': [
    [5, 24],
    (g, x) =>
      g.node('r', 'Relu', [
        g.node('a', 'Add', [
          g.node('m', 'MatMul', [x, g.random('w', [24, 32])]),
          g.random('b', [32]),
        ]),
      ]),
  ],
  'Gemm with transB': [
    [5, 24],
    (g, x) => g.node('m', 'Gemm', [x, g.random('w', [32, 24]), g.random('b', [32])], { transB: 1 }),
  ],
  Tanh: [[4, 50], (g, x) => g.node('t', 'Tanh', [x])],
  Sigmoid: [[4, 50], (g, x) => g.node('t', 'Sigmoid', [x])],
  GlobalAveragePool: [[1, 6, 8, 8], (g, x) => g.node('p', 'GlobalAveragePool', [x])],
  MaxPool: [
    [1, 4, 8, 8],
    (g, x) => g.node('p', 'MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2] }),
  ],
  'Mul by a vector': [[6, 16], (g, x) => g.node('m', 'Mul', [x, g.random('v', [16])])],
  'products whose channels go together': [
    [5, 24],
    (g, x) => {
      // what leaves the first runs along what the second amplifies
      const [wide, back] = [lowRank(24, 96, 3), lowRank(24, 96, 3)];
      const there = g.node('m', 'MatMul', [x, g.constant('w', [24, 96], wide)]);
      return g.node('n', 'MatMul', [there, g.constant('v', [96, 24], flipped(back, 24, 96))]);
    },
  ],
  'a residual around Gelu, written out': [
    [6, 24],
    (g, x) => {
      const wide = lowRank(24, 96, 12, 'a', 'b', 1.5);
      const inner = g.node('m', 'MatMul', [x, g.constant('w', [24, 96], wide)]);
      const erf = g.node('e', 'Erf', [
        g.node('d', 'Div', [inner, g.constant('r', [], [Math.SQRT2])]),
      ]);
      const sum = g.node('a', 'Add', [erf, g.constant('one', [], [1])]);
      const gelu = g.node('g', 'Mul', [
        g.node('i', 'Mul', [inner, sum]),
        g.constant('h', [], [0.5]),
      ]);
      const branch = g.node('n', 'MatMul', [
        gelu,
        g.constant('v', [96, 24], flipped(wide, 24, 96)),
      ]);
      return g.node('s', 'Add', [x, branch]);
    },
  ],
  'LayerNormalization, written out': [
    [8, 48],
    (g, x) => {
      const least = g.node('b', 'Add', [x, g.random('beta', [48])]);
      const centred = g.node('d', 'Sub', [least, average(g, 'a', least)]);
      const square = g.node('p', 'Pow', [centred, g.constant('two', [], [2])]);
      const root = g.node('q', 'Sqrt', [average(g, 'c', square)]);
      const normal = g.node('n', 'Div', [centred, root]);
      return g.node('m', 'MatMul', [normal, g.constant('w', [48, 16], lowRank(48, 16, 2))]);
    },
  ],
  'attention of two heads, nearly even': attention(0.1),
  'attention of two heads, sharp': attention(0.7),
  Transpose: [[3, 4, 5], (g, x) => g.node('t', 'Transpose', [x], { perm: [2, 0, 1] })],
};

describe('noise through a node', () => {
  it.each(Object.entries(CASES))('%s', async (_, [dims, build]) => {
    const g = new GraphBuilder();
    const model = g.output(build(g, g.input('x', dims))).build();
    const { measured, gained } = await both(model, dims);
    // within half a decibel: borders of images and the finite number of runs
    const decibels = 10 * Math.log10(gained / measured);
    expect(Math.abs(decibels)).toBeLessThan(dims.length === 4 ? 1.2 : 0.5);
  });
});

it('is nothing at an output without values', () => {
  const g = new GraphBuilder();
  const x = g.input('x', [0, 4]);
  const model = g.output(g.node('r', 'Relu', [x])).build();
  const net = new Net(model, inferShapes(model), new Map());
  expect(mean(outputGains(net, powersOf(net)).of('x'))).toBe(0);
});
