/** Gains of noise, beside what the runtime makes of noise that is added. */
import { describe, expect, it } from 'vitest';
import { Gains } from '../../../src/analyze/analytic/gain';
import { mean } from '../../../src/analyze/analytic/field';
import { Net } from '../../../src/analyze/analytic/net';
import { powersOf } from '../../../src/analyze/analytic/power';
import { Random } from '../../../src/numeric';
import type { Model } from '../../../src/onnx';
import { inferShapes } from '../../../src/onnx/shapes';
import { TensorStatistics } from '../../../src/quantize/statistics';
import { GraphBuilder } from '../../lib/graph';
import { output, tensors } from '../../lib/runtime';

const RUNS = 24;

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
  const gains = new Gains(net, powersOf(net));
  const reader = model.graph.node.find((n) => n.input[0] === 'x')!;
  const gain = gains.through(reader, 0)!;
  return { measured: noise / signal, gained: mean(gain) * count };
}

const CASES: Record<string, [number[], (g: GraphBuilder, x: string) => string]> = {
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
