/** Extremes that the model computes of its own tensors, against every value of them. */
import { describe, expect, it } from 'vitest';
import { GraphIndex, type Feed, type Model } from '../../src/onnx';
import { calibrate } from '../../src/quantize/calibrate';
import { FiniteProof } from '../../src/quantize/extremes/finite-proof';
import { prepare } from '../../src/quantize/prepare';
import { loadModel } from '../../src/onnx';
import { inferShapes } from '../../src/onnx/shapes';
import { GraphBuilder } from '../lib/graph';
import { each } from '../lib/quantize';
import { randomFeeds } from '../lib/runtime';
import { hasShared, sharedFile } from '../lib/shared';

const inner = (model: Model) => [
  ...model.graph.input.map((v) => v.name),
  ...model.graph.node.flatMap((n) => n.output),
];

/** Min, max and count of samples with NaN or infinity, both ways; zero stands for the minimum after a Relu. */
async function both(model: Model, feeds: Feed[], tensors = inner(model)) {
  const index = new GraphIndex(model.graph);
  const [quick, full] = await Promise.all(
    (['minmax', 'full'] as const).map((depth) => calibrate(model, tensors, each(feeds), { depth })),
  );
  const rows = (found: typeof quick) =>
    tensors.map((name) => {
      const s = found!.get(name)!;
      const { min, max, samples, notFinite } = s;
      const relu = ['Relu', 'Clip'].includes(index.producer(name)?.opType ?? '');
      return { name, min: relu ? Math.min(0, min) + 0 : min + 0, max: max + 0, samples, notFinite };
    });
  return { quick: rows(quick), full: rows(full) };
}

/** Convolutions of channels that fit blocks and others, with and without an activation, a sum, pools and a Gemm. */
function network(opset = 13) {
  const g = new GraphBuilder(opset);
  const x = g.input('x', ['n', 3, 12, 12]);
  const conv = (name: string, from: string, channels: number, of: number) =>
    g.node(name, 'Conv', [from, g.random(`${name}.w`, [of, channels, 3, 3])], {
      pads: [1, 1, 1, 1],
    });
  const a = g.node('a', 'Relu', [conv('c1', x, 3, 16)]);
  const b = conv('c2', a, 16, 16);
  const sum = g.node('sum', 'Add', [a, b]);
  const six = g.node('six', 'Clip', [
    conv('c3', sum, 16, 10),
    g.constant('lo', [], [0]),
    g.constant('hi', [], [6]),
  ]);
  const cat = g.node('cat', 'Concat', [six, b], { axis: 1 });
  const pool = g.node('pool', 'GlobalAveragePool', [
    g.node('max', 'MaxPool', [cat], { kernel_shape: [2, 2] }),
  ]);
  const flat = g.node('flat', 'Flatten', [pool]);
  g.output(g.node('fc', 'Gemm', [flat, g.random('fc.w', [26, 7])]));
  return g.build();
}

describe('extremes computed in the model', () => {
  it.each([13, 17, 18, 21])('are those of every value, at opset %i', async (opset) => {
    const model = network(opset);
    const feeds = randomFeeds(model, 5, -3, 2);
    const { quick, full } = await both(model, feeds);
    expect(quick).toEqual(full);
  });

  it('are those of whole batches of any size', async () => {
    const model = network();
    const [one] = randomFeeds(model, 1);
    const batch = (n: number): Feed => {
      const data = Float32Array.from({ length: n * 432 }, (_, i) => Math.cos(i * i) * n);
      return { x: { type: 'float32', dims: [n, 3, 12, 12], data } };
    };
    const { quick, full } = await both(model, [one!, batch(4), batch(3)]);
    expect(quick).toEqual(full);
    expect(full[0]!.samples).toBe(3);
  });

  it.each([NaN, Infinity, -Infinity])('find %s wherever it enters', async (odd) => {
    const model = network();
    for (const at of [0, 1, 100, 431]) {
      const feeds = randomFeeds(model, 3);
      (feeds[1]!.x!.data as Float32Array)[at] = odd;
      const { quick, full } = await both(model, feeds);
      expect(quick).toEqual(full);
      expect(full[0]!.notFinite).toBe(1);
    }
  });

  it('find what overflows inside, though Relu and max hide it', async () => {
    const g = new GraphBuilder();
    const big = g.constant('big', [16, 3, 1, 1], new Float32Array(48).fill(3e38));
    const c = g.node('c', 'Conv', [g.input('x', [1, 3, 4, 4]), big]);
    const minus = g.node('minus', 'Sub', [c, c]); // ∞ − ∞
    g.output(g.node('r', 'Relu', [minus]), g.node('r2', 'Relu', [c]));
    const model = g.build();
    const { quick, full } = await both(model, randomFeeds(model, 3));
    expect(quick).toEqual(full);
    expect(full.find(({ name }) => name === 'minus_out')!.notFinite).toBe(3);
  });

  it.each<[string, (g: GraphBuilder, x: string) => string]>([
    ['Log', (g, x) => g.node('n', 'Log', [x])],
    ['Sqrt', (g, x) => g.node('n', 'Sqrt', [x])],
    ['Div', (g, x) => g.node('n', 'Div', [x, g.node('floor', 'Floor', [x])])],
    ['Reciprocal', (g, x) => g.node('n', 'Reciprocal', [g.node('round', 'Round', [x])])],
    ['Exp', (g, x) => g.node('n', 'Exp', [g.node('s', 'Mul', [x, g.constant('k', [], [100])])])],
    ['Pow', (g, x) => g.node('n', 'Pow', [x, g.constant('half', [], [0.5])])],
  ])('find the NaNs and infinities that %s makes', async (_, make) => {
    const g = new GraphBuilder();
    const n = make(g, g.input('x', [1, 4, 5, 5]));
    g.output(g.node('relu', 'Relu', [n]));
    const model = g.build();
    const { quick, full } = await both(model, randomFeeds(model, 4));
    expect(quick).toEqual(full);
    expect(full.find(({ name }) => name === 'n_out')!.notFinite).toBeGreaterThan(0);
  });

  it('need no look at single values in a network of convolutions', () => {
    const model = network();
    expect([...new FiniteProof(model, inner(model)).unprovable]).toEqual(['x']);
    const proof = new FiniteProof(model, inner(model));
    expect(proof.holds(() => 10)).toBe(true);
    expect(proof.holds(() => 1e29)).toBe(false);
    expect(proof.holds((name) => (name === 'c2_out' ? Infinity : 1))).toBe(false);
  });
});

describe.runIf(hasShared)('extremes of open models', () => {
  it.each([
    ['models/mobilenet_v1_0.25_224_imagenet.onnx', 1],
    ['models/resnet8_cifar10.onnx', 1],
    ['models/ultraface_rfb_320_simplified.onnx', 1],
    ['models/super_resolution_10/model.onnx', 1],
    ['selftrained/char_gpt.onnx', 64],
  ])('%s', { timeout: 120_000 }, async (file, length) => {
    const { model } = await prepare(await loadModel(sharedFile(file)));
    const shapes = inferShapes(model);
    const floats = inner(model).filter((name) => shapes.get(name)?.type === 'float32');
    const feeds =
      length === 1
        ? randomFeeds(model, 2)
        : [0, 1].map((k): Feed => {
            const data = BigInt64Array.from({ length }, (_, i) => BigInt((i * 7 + k) % 65));
            return { input_ids: { type: 'int64', dims: [1, length], data } };
          });
    const { quick, full } = await both(model, feeds, floats);
    // A float sum may come out otherwise where the runtime fuses otherwise: what is tapped changes that.
    for (const [i, { name, min, max, ...counts }] of full.entries()) {
      const size = Math.max(Math.abs(min), Math.abs(max));
      const close = (x: number) => Math.abs(x) < 2e-5 * size;
      expect([name, quick[i]!.samples, quick[i]!.notFinite]).toEqual([
        name,
        ...Object.values(counts),
      ]);
      expect([name, close(quick[i]!.min - min), close(quick[i]!.max - max)]).toEqual([
        name,
        true,
        true,
      ]);
    }
  });
});
