/** Attention with packed weights, as exporters and optimizers fuse it: its product in integers, the rest float. */
import { describe, expect, it } from 'vitest';
import { executedKernels } from '../../src/analyze/executed';
import {
  floatData,
  makeTensor,
  serializeModel,
  tensorData,
  type Feed,
  type Model,
  type NodeProto,
} from '../../src/onnx';
import { inferShapes } from '../../src/onnx/shapes';
import { dequantizeModel } from '../../src/quantize/dequantize';
import { quantizeDynamic } from '../../src/quantize/dynamic';
import { prepare } from '../../src/quantize/prepare';
import { runnable } from '../../src/quantize/runnable';
import { listUnits } from '../../src/quantize/units';
import { optimizedGraph } from '../../src/runtime/optimized';
import { localModel, onlyThisModel } from '../../src/quantize/experiments';
import { countOps, GraphBuilder } from '../lib/graph';
import { CLIPS, WEIGHT_BITS } from '../lib/machine';
import { executed, quantize } from '../lib/quantize';
import { outputs, randomFeed, relativeDifference, tensors } from '../lib/runtime';

const CONTRIB = 'com.microsoft';
const [B, S, H] = [2, 6, 16];
const COLUMNS = 3 * H;

interface Shape {
  bias?: boolean;
  mask?: boolean;
  past?: boolean;
  scoreBias?: boolean;
  attributes?: Record<string, number | number[]>;
  /** Weights that a caller made. */
  weight?: Float32Array;
}

function attention(o: Shape = {}): Model {
  const g = new GraphBuilder(17);
  const x = g.input('x', [B, S, H]);
  const w = o.weight ? g.constant('w', [H, COLUMNS], o.weight) : g.random('w', [H, COLUMNS], 0.4);
  const bias = o.bias === false ? '' : g.random('b', [COLUMNS]);
  const mask = o.mask ? g.tensor(makeTensor('mask', 'int32', [B], Int32Array.of(4, S))) : '';
  const past = o.past ? g.input('past', [2, B, 4, 3, H / 4]) : '';
  const score = o.scoreBias ? g.random('score', [B, 4, S, S]) : '';
  const results = o.past ? ['y', 'present'] : ['y'];
  const inputs = [x, w, bias, mask, past, score];
  while (inputs.at(-1) === '') inputs.pop();
  g.node('att', 'Attention', inputs, { num_heads: 4, ...o.attributes }, results, CONTRIB);
  const model = g.output(...results).build();
  model.setDomainVersion(CONTRIB, 1);
  return model;
}

async function dynamic(model: Model, granularity: 'channel' | 'tensor' = 'channel', plain = false) {
  const { model: prepared, context } = await prepare(model);
  const shapes = inferShapes(prepared);
  const units = listUnits(prepared, context, (t) => shapes.get(t)?.type);
  return {
    ...quantizeDynamic(prepared, units, new Set(), granularity, CLIPS, plain),
    prepared,
  };
}

/** The float operator on what the codes stand for: input in 256 steps, weights as written. */
async function direct(shape: Shape, written: Model, feed: Feed) {
  const node = written.graph.node.find((n: NodeProto) => n.opType === 'QAttention')!;
  const tensor = (slot: number) =>
    written.graph.initializer.find((t) => t.name === node.input[slot])!;
  const codes = tensorData(tensor(1)) as Int8Array;
  const scales = floatData(tensor(4), written.dir);
  const weight = Float32Array.from(
    codes,
    (q, i) => q * scales[scales.length > 1 ? i % COLUMNS : 0]!,
  );
  const x = feed.x!.data as Float32Array;
  const [low, high] = [Math.min(0, ...x), Math.max(0, ...x)];
  const scale = Math.fround((high - low) / 255);
  const zero = Math.round(-low / scale);
  const even = (v: number) => (v % 1 === 0.5 ? 2 * Math.round(v / 2) : Math.round(v));
  const clamp = (q: number) => Math.max(0, Math.min(255, q));
  const rounded = Float32Array.from(x, (v) => (clamp(even(v / scale) + zero) - zero) * scale);
  const fed = { ...feed, x: { ...feed.x!, data: rounded } } as Feed;
  return outputs(runnable(attention({ ...shape, weight })), fed);
}

describe('com.microsoft.Attention', () => {
  it.each<[string, Shape, 'channel' | 'tensor']>([
    ['plain', {}, 'channel'],
    ['with one scale for the weights', {}, 'tensor'],
    ['with a mask', { mask: true }, 'channel'],
    ['without a bias', { bias: false }, 'channel'],
    ['causal, with a past', { past: true, attributes: { unidirectional: 1 } }, 'channel'],
    [
      'with sizes that are all the same',
      { attributes: { qkv_hidden_sizes: [H, H, H] } },
      'channel',
    ],
  ])('%s multiplies codes', async (_, shape, granularity) => {
    const model = attention(shape);
    const { model: written, units, weightScales } = await dynamic(model, granularity);
    expect(units).toMatchObject([{ integer: true, precision: 'mixed', reason: null }]);
    expect(countOps(written)).toEqual({ DynamicQuantizeLinear: 1, QAttention: 1 });
    expect(weightScales.get('att')).toHaveLength(granularity === 'channel' ? COLUMNS : 1);
    const feed = randomFeed(model);
    const found = await outputs(written, feed);
    const expected = await direct(shape, written, feed);
    expect(Object.keys(found)).toEqual(Object.keys(expected));
    for (const [name, { data }] of Object.entries(expected))
      expect([
        name,
        relativeDifference(found[name]!.data as Float32Array, data as Float32Array) < 1e-4,
      ]).toEqual([name, true]);
  });

  it('runs its weights in integers and the rest in float, and says so', async () => {
    const { model: written, prepared, units } = await dynamic(attention());
    const optimized = await optimizedGraph(serializeModel(written));
    const kernels = executedKernels(
      optimized,
      units.map((u) => u.unit),
      prepared,
    );
    expect(kernels.get('att')).toEqual({
      precision: 'mixed',
      kernel: 'QAttention',
      onlyWeight: true,
    });
  });

  it.each<[string, Shape, RegExp]>([
    ['a bias of the scores', { scoreBias: true }, /no bias to the scores/],
    ['V of another size', { attributes: { qkv_hidden_sizes: [12, 12, 24] } }, /12, 12, 24/],
  ])('%s stays float, and says why', async (_, shape, reason) => {
    const { model: written, units } = await dynamic(attention(shape));
    expect(units).toMatchObject([{ integer: false, reason: expect.stringMatching(reason) }]);
    expect(countOps(written)).toEqual({ Attention: 1 });
  });

  it('stays float for the target onnx', async () => {
    const { units } = await dynamic(attention(), 'channel', true);
    expect(units).toMatchObject([
      { integer: false, reason: expect.stringContaining('target onnx') },
    ]);
  });

  it('comes back from codes', async () => {
    const shape: Shape = { past: true, mask: true, attributes: { unidirectional: 1 } };
    const { model: written } = await dynamic(attention(shape));
    const { model: after, left } = await dequantizeModel(written);
    expect(left).toEqual([]);
    expect(countOps(after)).toEqual({ Attention: 1 });
    const feed = randomFeed(after);
    const [float, codes] = [await outputs(after, feed), await outputs(written, feed)];
    for (const name of Object.keys(codes))
      expect(
        relativeDifference(float[name]!.data as Float32Array, codes[name]!.data as Float32Array),
      ).toBeLessThan(0.03);
  });
});

describe('com.microsoft.Attention in static mode', () => {
  /** The float operator on what the codes stand for: input and weights as they are written. */
  async function meant(shape: Shape, written: Model, feed: Feed) {
    const node = written.graph.node.find((n) => n.opType === 'QAttention')!;
    const numbers = (slot: number) => {
      const found = written.graph.initializer.find((t) => t.name === node.input[slot])!;
      return Array.from(tensorData(found, written.dir) as Float32Array, Number);
    };
    const [[scale], [zero], scales] = [numbers(3), numbers(6), numbers(4)];
    const weight = Float32Array.from(
      numbers(1),
      (q, i) => q * scales[scales.length > 1 ? i % COLUMNS : 0]!,
    );
    const even = (v: number) => (v % 1 === 0.5 ? 2 * Math.round(v / 2) : Math.round(v));
    const clamp = (q: number) => Math.max(0, Math.min(255, q));
    const rounded = Float32Array.from(
      feed.x!.data as Float32Array,
      (v) => (clamp(even(v / scale!) + zero!) - zero!) * scale!,
    );
    const fed = { ...feed, x: { ...feed.x!, data: rounded } } as Feed;
    return outputs(runnable(attention({ ...shape, weight })), fed);
  }

  it.each<[string, Shape, 'channel' | 'tensor', 'uint8' | 'int8']>([
    ['plain', {}, 'channel', 'uint8'],
    ['with signed activations', {}, 'channel', 'int8'],
    ['with one scale for the weights', {}, 'tensor', 'uint8'],
    ['with a mask', { mask: true }, 'channel', 'uint8'],
    ['without a bias', { bias: false }, 'channel', 'uint8'],
    ['causal, with a past', { past: true, attributes: { unidirectional: 1 } }, 'channel', 'uint8'],
  ])('%s multiplies codes with a scale from calibration', async (_, shape, granularity, type) => {
    const model = attention(shape);
    const quantized = await quantize(model, { granularity, type });
    const { model: written, placement, weightScales } = quantized;
    expect(placement.units).toMatchObject([{ integer: true, precision: 'mixed', reason: null }]);
    expect([...placement.quantized.keys()]).toEqual(['x']);
    expect(countOps(written)).toMatchObject({ QAttention: 1 });
    expect(countOps(written)).not.toHaveProperty('Attention');
    expect(countOps(written)).not.toHaveProperty('DynamicQuantizeLinear');
    expect(weightScales.get('att')).toHaveLength(granularity === 'channel' ? COLUMNS : 1);
    expect((await executed(quantized)).of('att')).toEqual({
      precision: 'mixed',
      kernel: 'QAttention',
      onlyWeight: true,
    });
    const feed = quantized.feeds[0]!;
    const found = await outputs(written, feed);
    const expected = await meant(shape, written, feed);
    const exact = await outputs(runnable(model), feed);
    expect(Object.keys(found)).toEqual(Object.keys(expected));
    for (const [name, { data }] of Object.entries(found)) {
      const got = data as Float32Array;
      expect(relativeDifference(got, expected[name]!.data as Float32Array)).toBeLessThan(1e-4);
      expect(relativeDifference(got, exact[name]!.data as Float32Array)).toBeLessThan(0.05);
    }
  });

  it('leaves what else reads the input its own form', async () => {
    const g = new GraphBuilder(17);
    const x = g.input('x', [B, S, H]);
    const inputs = [x, g.random('w', [H, COLUMNS], 0.4), g.random('b', [COLUMNS])];
    g.node('att', 'Attention', inputs, { num_heads: 4 }, ['y'], CONTRIB);
    const beside = g.node('m', 'MatMul', [x, g.random('v', [H, 8], 0.4)]);
    const model = g.output('y', beside).build();
    model.setDomainVersion(CONTRIB, 1);
    const quantized = await quantize(model);
    const { of } = await executed(quantized);
    expect([of('att').kernel, of('m').kernel]).toEqual(['QAttention', 'MatMulIntegerToFloat']);
    expect(countOps(quantized.model).QuantizeLinear).toBe(1);
  });

  it.each<[string, Shape, RegExp]>([
    ['V of another size', { attributes: { qkv_hidden_sizes: [12, 12, 24] } }, /12, 12, 24/],
    ['a bias of the scores', { scoreBias: true }, /no bias to the scores/],
  ])('%s stays float, and says why', async (_, shape, reason) => {
    const { placement, model: written } = await quantize(attention(shape));
    expect(placement.units).toMatchObject([
      { integer: false, reason: expect.stringMatching(reason) },
    ]);
    expect(countOps(written)).toEqual({ Attention: 1 });
  });

  it('has a twin that reads exact inputs, and comes back from codes', async () => {
    const shape: Shape = { mask: true };
    const quantized = await quantize(attention(shape));
    const { model: twins, taps } = localModel(quantized.prepared, quantized.placement.units, {
      paramsOf: (tensor) => quantized.params.get(tensor)!,
      activationType: 'uint8',
      weightSettings: () => ({ granularity: 'channel', bits: WEIGHT_BITS }),
    });
    const { local } = taps.get('att')!;
    const feed = quantized.feeds[0]!;
    const own = (await tensors(twins, [local], feed))[local]!.data as Float32Array;
    const written = (await outputs(quantized.model, feed)).y!.data as Float32Array;
    expect(relativeDifference(own, written)).toBeLessThan(1e-4);
    const { model: after, left } = await dequantizeModel(quantized.model);
    expect(left).toEqual([]);
    expect(countOps(after)).toEqual({ Attention: 1 });
  });

  it('alone changes all of its results: the present, too', async () => {
    const { prepared, params, placement, model, feeds } = await quantize(attention({ past: true }));
    const alone = onlyThisModel(prepared, placement.units[0]!.unit, {
      paramsOf: (tensor) => params.get(tensor)!,
      activationType: 'uint8',
      weightSettings: () => ({ granularity: 'channel', bits: WEIGHT_BITS }),
    });
    const [found, written] = [await outputs(alone, feeds[0]!), await outputs(model, feeds[0]!)];
    for (const name of ['y', 'present'])
      expect([
        name,
        relativeDifference(found[name]!.data as Float32Array, written[name]!.data as Float32Array),
      ]).toEqual([name, expect.closeTo(0, 4)]);
  });
});
