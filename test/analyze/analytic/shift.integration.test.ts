/** What rounded weights do to means, and what that does at the outputs, beside what the runtime makes of it. */
import { describe, expect, it } from 'vitest';
import { outputGains, steadyGains } from '../../../src/analyze/analytic/gain';
import { valuesAlong } from '../../../src/analyze/analytic/field';
import { shiftsOf } from '../../../src/analyze/analytic/kernels';
import { Net } from '../../../src/analyze/analytic/net';
import { powersOf } from '../../../src/analyze/analytic/power';
import { Random } from '../../../src/numeric';
import type { TensorValue } from '../../../src/onnx';
import { inferShapes } from '../../../src/onnx/shapes';
import { TensorStatistics } from '../../../src/quantize/statistics';
import { GraphBuilder, randomValues } from '../../lib/graph';
import { output, tensors, value } from '../../lib/runtime';

const [CHANNELS, SIDE, RUNS] = [8, 14, 48];

/** Values around 1, with a mean of its own for every channel. */
function sample(random: Random, channels: number): Float32Array {
  return Float32Array.from(
    { length: channels * SIDE * SIDE },
    (_, i) => 0.5 + Math.floor(i / SIDE ** 2) / channels + random.uniform(-0.5, 0.5),
  );
}

describe('errors of weights shift the means of the results by what they meet on average', () => {
  it.each<[string, number, number[]]>([
    ['a convolution', 1, [6, 4, 3, 3]],
    ['one of two groups', 2, [6, 2, 3, 3]],
    ['a depthwise one', 4, [4, 1, 3, 3]],
  ])('%s', async (_, group, dims) => {
    const g = new GraphBuilder();
    const size = dims.reduce((a, b) => a * b, 1);
    const errors = randomValues(size, 'errors');
    const x = g.input('x', [1, 4, SIDE, SIDE]);
    const conv = g.node('conv', 'Conv', [x, g.constant('e', dims, errors)], { group });
    const model = g.output(g.node('pool', 'GlobalAveragePool', [conv])).build();
    const flat = Float32Array.from(
      { length: 4 * SIDE ** 2 },
      (__, i) => 0.5 + Math.floor(i / SIDE ** 2),
    );
    const measured = await output(model, { x: value([1, 4, SIDE, SIDE], flat) });
    const node = model.graph.node[0]!;
    const found = shiftsOf(node, { values: errors, dims })!.forward([0.5, 1.5, 2.5, 3.5]);
    found.forEach((shift, c) => expect(shift).toBeCloseTo(measured[c]!, 4));
  });
});

describe('a shift of the mean', () => {
  it('passes pools and kernels whole, where noise averages out', async () => {
    const dims = [1, CHANNELS, SIDE, SIDE];
    /** @param by what is added to every channel of the first convolution's results */
    const build = (by: Float32Array) => {
      const g = new GraphBuilder();
      const conv = (name: string, x: string, from: number, to: number, side: number) => {
        const w = g.random(`${name}.w`, [to, from, side, side], 0.3);
        const own = randomValues(to, `${name}.b`);
        const bias = name === 'first' ? own.map((b, c) => b + by[c]!) : own;
        return g.node(name, 'Conv', [x, w, g.constant(`${name}.b`, [to], bias)]);
      };
      const relu = g.node('relu', 'Relu', [
        conv('first', g.input('x', dims), CHANNELS, CHANNELS, 1),
      ]);
      const relu2 = g.node('relu2', 'Relu', [conv('second', relu, CHANNELS, 6, 3)]);
      return g.output(g.node('pool', 'GlobalAveragePool', [relu2])).build();
    };
    const exact = build(new Float32Array(CHANNELS));
    const random = new Random(3);
    const seen = new Map<string, TensorStatistics>();
    let [noise, signal] = [0, 0];
    const small = 1e-2;
    for (let run = 0; run < RUNS; run++) {
      const feed = { x: value(dims, sample(random, CHANNELS)) };
      const all: Record<string, TensorValue> = {
        ...(await tensors(
          exact,
          exact.graph.node.map((n) => n.output[0]!),
          feed,
        )),
        ...feed,
      };
      for (const [name, v] of Object.entries(all)) {
        if (!seen.has(name)) seen.set(name, new TensorStatistics(name));
        seen.get(name)!.add(v);
      }
      const signs = Float32Array.from({ length: CHANNELS }, () =>
        random.uniform(0, 1) < 0.5 ? -small : small,
      );
      const got = await output(build(signs), feed);
      (all[exact.graph.output[0]!.name]!.data as Float32Array).forEach((y, i) => {
        signal += y * y;
        noise += ((got[i]! - y) / small) ** 2;
      });
    }
    const net = new Net(exact, inferShapes(exact), seen);
    const powerOf = powersOf(net);
    const white = outputGains(net, powerOf);
    const of = (gains: typeof white) =>
      valuesAlong(gains.of('first_out'), 1, CHANNELS).reduce((a, b) => a + b, 0) * SIDE ** 2;
    const decibels = (a: number, b: number) => 10 * Math.log10(a / b);
    expect(Math.abs(decibels(of(steadyGains(net, powerOf, white)), noise / signal))).toBeLessThan(
      2,
    );
    // taken for noise, it would nearly be lost
    expect(decibels(of(white), noise / signal)).toBeLessThan(-10);
  });
});
