import { describe, expect, it } from 'vitest';
import { sqnrDb } from '../../src/numeric';
import type { Feed, Model } from '../../src/onnx';
import { correctBiases } from '../../src/quantize/bias-correction';
import { WalkMemory } from '../../src/quantize/walk-memory';
import { writeQdq } from '../../src/quantize/qdq';
import { countOps, GraphBuilder, printGraph } from '../lib/graph';
import { executed, quantizeReady, ready, type QuantizedModel } from '../lib/quantize';
import { output, randomFeeds } from '../lib/runtime';

const WEIGHTS = () => ({ granularity: 'tensor' as const, bits: 8 });

/** Layers whose few weights are rounded roughly (one of them is a hundred times the others): means shift. */
function rough(build: (g: GraphBuilder, x: string) => string, shape = [1, 4, 8, 8]): Model {
  const g = new GraphBuilder();
  return g.output(build(g, g.input('x', shape))).build();
}
function weight(g: GraphBuilder, name: string, dims: number[]): string {
  const count = dims.reduce((a, b) => a * b, 1);
  const values = Array.from({ length: count }, (_, i) => (i === 0 ? 8 : 0.09 * Math.sin(i * 12.9)));
  return g.constant(name, dims, values);
}
const convs =
  (bias: boolean, names = 'abc') =>
  (g: GraphBuilder, x: string) => {
    const conv = (name: string, from: string) => {
      const inputs = [from, weight(g, `${name}.w`, [4, 4, 3, 3])];
      if (bias) inputs.push(g.random(`${name}.b`, [4]));
      return g.node(`${name}.relu`, 'Relu', [g.node(name, 'Conv', inputs, { pads: [1, 1, 1, 1] })]);
    };
    return [...names].reduce((from, name) => conv(name, from), x);
  };

async function corrected(model: Model, count = 16) {
  const subject = await ready(model, randomFeeds(model, count, 0, 1));
  const plain = quantizeReady(subject, { granularity: 'tensor' });
  const paramsOf = (t: string) => plain.params.get(t)!;
  const found = await correctBiases(plain.prepared, plain.placement, subject.feeds, {
    paramsOf,
    activationType: 'uint8',
    weightSettings: WEIGHTS,
  });
  const written = writeQdq(
    plain.prepared,
    plain.placement,
    paramsOf,
    { type: 'uint8' },
    WEIGHTS,
    found.biases,
  );
  const better: QuantizedModel = { ...plain, ...written };
  return { plain, better, found };
}

/** dB of the output on samples that nothing was made from. */
async function quality(q: QuantizedModel, feeds: readonly Feed[]) {
  let [signal, noise] = [0, 0];
  for (const feed of feeds) {
    const [a, b] = [await output(q.prepared, feed), await output(q.model, feed)];
    a.forEach((x, i) => {
      signal += x * x;
      noise += (x - b[i]!) ** 2;
    });
  }
  return sqnrDb(signal, noise);
}

describe('correctBiases', () => {
  it.each([
    ['biases that are there', true],
    ['layers without a bias, which get one', false],
  ])('%s', async (_, bias) => {
    const model = rough(convs(bias));
    const { plain, better, found } = await corrected(model);
    expect([...found.biases.keys()]).toEqual(['a', 'b', 'c']);
    for (const change of found.changes.values()) expect(change.after).toBeLessThan(change.before);
    const fresh = randomFeeds(model, 30, 0, 1).slice(16);
    expect(await quality(better, fresh)).toBeGreaterThan((await quality(plain, fresh)) + 1);
    const { of } = await executed(better);
    expect(['a', 'b', 'c'].map((name) => of(name).kernel)).toEqual(
      new Array(3).fill('QLinearConv'),
    );
    expect(countOps(better.model).Conv).toBe(3); // at no cost: no node more
  });

  it('brings the mean of every channel back', async () => {
    const model = rough(convs(true));
    const { plain, better } = await corrected(model);
    const shift = async (q: QuantizedModel) => {
      const sums = new Float64Array(4);
      for (const feed of q.feeds) {
        const [a, b] = [await output(q.prepared, feed), await output(q.model, feed)];
        a.forEach((x, i) => (sums[Math.floor(i / 64)]! += (x - b[i]!) / (64 * q.feeds.length)));
      }
      return Math.hypot(...sums);
    };
    expect(await shift(better)).toBeLessThan((await shift(plain)) / 4);
  });

  it('corrects Gemm and the Add after MatMul, and leaves a MatMul without one', async () => {
    const model = rough(
      (g, x) => {
        const add = g.node('add', 'Add', [
          g.node('m', 'MatMul', [x, weight(g, 'm.w', [8, 8])]),
          g.random('m.b', [8]),
        ]);
        const flat = g.node('flat', 'Reshape', [g.node('r', 'Relu', [add]), g.ints('to', [-1, 8])]);
        const fc = g.node('fc', 'Gemm', [flat, weight(g, 'fc.w', [8, 8])]);
        return g.node('last', 'MatMul', [fc, weight(g, 'last.w', [8, 4])]);
      },
      [2, 3, 8],
    );
    const { better, found } = await corrected(model);
    expect([...found.changes.keys()]).toEqual(['m', 'fc']);
    expect(printGraph(better.model)).toContain('m.bias_apart[1,1,8]');
    expect(countOps(better.model)).toMatchObject({ Add: 1, MatMul: 2, Gemm: 1 });
  });

  it('keeps no correction that held-back samples do not agree with', async () => {
    const model = rough((g, x) => g.node('c', 'Conv', [x, g.random('w', [4, 4, 1, 1])]));
    const { found } = await corrected(model, 4);
    for (const [layer, change] of found.changes) {
      expect(change.kept).toBe(change.after < change.before);
      expect(found.biases.has(layer)).toBe(change.kept);
    }
  });

  it('goes on where an earlier placement was the same, and finds exactly what it finds from the beginning', async () => {
    const model = rough(convs(true, 'abcd'));
    const subject = await ready(model, randomFeeds(model, 16, 0, 1));
    const walks = new WalkMemory(1 << 30);
    const correct = async (keep: string[], memory?: WalkMemory) => {
      const plain = quantizeReady(subject, { granularity: 'tensor', keep });
      let nodes = 0;
      const found = await correctBiases(plain.prepared, plain.placement, subject.feeds, {
        paramsOf: (t) => plain.params.get(t)!,
        activationType: 'uint8',
        weightSettings: WEIGHTS,
        onNode: () => {
          nodes++;
        },
        ...(memory ? { walks: memory } : {}),
      });
      return { found, nodes };
    };
    const all = (await correct([], walks)).nodes;
    for (const [keep, saves] of [
      [['d'], true],
      [['c'], true],
      [['c', 'd'], true],
      // what gives b's input writes it with scales of its channels then
      [['b'], false],
      [['a'], false],
      [[], true],
    ] as const) {
      const fresh = await correct([...keep]);
      const again = await correct([...keep], walks);
      expect(again.found, keep.join()).toEqual(fresh.found);
      expect(again.nodes < all, keep.join()).toBe(saves);
    }
  });

  it('forgets the states of walks that were not used for longest, and holds a tensor of several once', () => {
    const list = (bytes: number) => [
      { type: 'uint8' as const, dims: [bytes], data: new Uint8Array(bytes) },
    ];
    const state = (values: ReturnType<typeof list>[]) => ({
      runner: {
        values: new Map(values.map((v, i) => [String(i), v])),
        rounded: new Map(),
        shifts: new Map(),
        readersLeft: new Map(),
      },
      biases: new Map(),
      changes: new Map(),
    });
    const walks = new WalkMemory(100);
    const common = list(60);
    walks.keep('a', state([common]));
    walks.keep('b', state([common, list(30)]));
    expect(walks.furthest(['a', 'b'])?.at).toBe(1);
    expect(walks.furthest(['a'])?.at).toBe(0);
    walks.keep('c', state([list(40)]));
    expect(walks.furthest(['b'])).toBeNull();
    expect(walks.furthest(['a', 'x'])?.at).toBe(0);
    expect(walks.furthest(['c'])?.at).toBe(0);
    expect(walks.furthest(['x'])).toBeNull();
  });
});
