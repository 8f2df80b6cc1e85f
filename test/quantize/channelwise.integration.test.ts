/** Convolutions whose result only float layers read: their codes have a scale for every channel. */
import { describe, expect, it } from 'vitest';
import { accumulatedErrors } from '../../src/analyze/layer-errors';
import { ClosenessAccumulator, fakeQuantize } from '../../src/numeric';
import { floatData, GraphIndex, integerValues, serializeModel } from '../../src/onnx';
import { channelwiseOutput } from '../../src/quantize/channelwise';
import { constantOf, GraphBuilder, printGraph, randomValues } from '../lib/graph';
import { each, executed, quantize as quantizeWith, type QuantizeOptions } from '../lib/quantize';
import { output, outputs, randomFeed, relativeDifference } from '../lib/runtime';

const IMAGE = [1, 3, 12, 12];
/** Channels of very different size, with biases to match. */
const GAINS = [0.01, 0.1, 1, 10];

/** As jobs do it. */
const quantize: typeof quantizeWith = (model, options = {}) =>
  quantizeWith(model, { channelwise: true, ...options });

type Part = (g: GraphBuilder, x: string) => string;
const vector = (g: GraphBuilder, name: string) => g.constant(name, [4], [1, 1, 1, 1]);
const normalize: Part = (g, x) =>
  g.node('norm', 'InstanceNormalization', [x, vector(g, 'gamma'), vector(g, 'beta')]);
const relu: Part = (g, x) => g.node('relu', 'Relu', [x]);
const clip: Part = (g, x) =>
  g.node('clip', 'Clip', [x, g.constant('low', [], [-0.5]), g.constant('high', [], [0.5])]);

function network(...then: Part[]) {
  const g = new GraphBuilder();
  const weight = randomValues(4 * 27, 'w').map((v, i) => v * GAINS[Math.floor(i / 27)]!);
  const bias = randomValues(4, 'b').map((v, c) => v * GAINS[c]!);
  const conv = [
    g.input('x', IMAGE),
    g.constant('w', [4, 3, 3, 3], weight),
    g.constant('b', [4], bias),
  ];
  return g.output(then.reduce((x, part) => part(g, x), g.node('conv', 'Conv', conv))).build();
}

const db = (exact: Float32Array, other: Float32Array) =>
  new ClosenessAccumulator().add(exact, other).sqnrDb;

async function quality(model: ReturnType<typeof network>, options: QuantizeOptions = {}) {
  const quantized = await quantize(model, options);
  const feed = randomFeed(model, 9);
  const [exact, written] = [await output(model, feed), await output(quantized.model, feed)];
  return { quantized, db: db(exact, written) };
}

describe('a convolution that only float layers read', () => {
  it.each<[string, Part[]]>([
    ['before an InstanceNormalization', [normalize]],
    ['with its Relu', [relu, normalize]],
  ])('gives each channel all codes %s', async (_, parts) => {
    const model = network(...parts);
    const { quantized, db: own } = await quality(model);
    const { db: one } = await quality(model, { channelwise: false });
    expect(own - one).toBeGreaterThan(10);
    const found = await executed(quantized);
    expect(found.of('conv')).toEqual({ precision: 'int8', kernel: 'QLinearConv' });
    expect(found.optimized.graph.node.map((n) => n.opType)).not.toContain('Relu');
  });

  it('costs no node and no code of weight and bias', async () => {
    const model = network(normalize);
    const [many, one] = [await quantize(model), await quantize(model, { channelwise: false })];
    expect(many.model.graph.node).toHaveLength(one.model.graph.node.length);
    expect(integerValues(constantOf(many.model, 'w_quantized'))).toEqual(
      integerValues(constantOf(one.model, 'w_quantized')),
    );
    expect(printGraph(many.model)).toContain(
      'DequantizeLinear(conv_out_quantized, conv_out_channel_scale[4], conv_out_channel_zero_point:uint8[4]) {axis=1}',
    );
  });

  it('means what it says: Q of every channel, by the arithmetic written out', async () => {
    const model = network();
    const quantized = await quantize(model);
    const { channels } = quantized.codes.get('conv_out')!;
    const feed = randomFeed(model, 1);
    const asWritten = await output(quantized.model, feed, { optimization: 'disabled' });
    const exact = await output(model, feed);
    const inner = exact.length / 4;
    channels!.forEach((params, c) => {
      const own = exact.slice(c * inner, (c + 1) * inner);
      const rounded = fakeQuantize(own, params, 'uint8');
      const written = asWritten.slice(c * inner, (c + 1) * inner);
      // input and weight are rounded too, so some values are some codes apart
      const apart = written.map((v, i) => Math.abs(v - rounded[i]!) / params.scale);
      expect(Math.max(...apart)).toBeLessThan(6);
      expect(apart.reduce((a, b) => a + b, 0) / inner).toBeLessThan(1.5);
      expect(
        written.every((v) => Number.isInteger(Math.round((v / params.scale) * 1e4) / 1e4)),
      ).toBe(true);
    });
  });

  it('runs as it is written', async () => {
    const { model } = await quantize(network(relu, normalize));
    const feed = randomFeed(model, 3);
    const slow = await outputs(serializeModel(model), feed, { optimization: 'disabled' });
    const fast = await outputs(serializeModel(model), feed);
    const name = model.graph.output[0]!.name;
    const [a, b] = [slow[name]!.data as Float32Array, fast[name]!.data as Float32Array];
    expect(relativeDifference(a, b)).toBeLessThan(0.01); // one code where a rounding is a tie
  });

  it('is read channel by channel by the layer errors', async () => {
    const quantized = await quantize(network(normalize));
    const feed = randomFeed(quantized.prepared, 5);
    const errors = await accumulatedErrors(
      quantized.prepared,
      quantized.model,
      [{ name: 'conv', output: 'conv_out' }],
      (tensor) => quantized.codes.get(tensor),
      () => each([feed]),
    );
    const alone = await quantize(network());
    const [exact, written] = [await output(alone.prepared, feed), await output(alone.model, feed)];
    expect(errors.get('conv')!.closeness.sqnrDb).toBeCloseTo(db(exact, written), 1);
    expect(errors.get('conv')!.utilisation).toBeGreaterThan(0.4); // of 400 values
    expect(errors.get('conv')!.clipRate).toBeLessThan(0.02);
  });

  it('has one scale where an integer layer reads it too', async () => {
    const both = new GraphBuilder();
    const c = both.node('conv', 'Conv', [both.input('x', IMAGE), both.random('w', [4, 3, 1, 1])]);
    const last = both.node('last', 'Conv', [c, both.random('w2', [2, 4, 1, 1])]);
    both.output(normalize(both, c), last);
    const shared = await quantize(both.build());
    expect([...shared.placement.channelwise]).toEqual(['last_out']);
    expect(shared.codes.get('conv_out')!.channels).toBeUndefined();
  });

  it('has one scale where a Clip would cut inside the range of a channel', async () => {
    const { units, prepared } = await quantize(network(clip, normalize));
    const conv = units.find((u) => u.name === 'conv')!;
    const channels = (high: number) =>
      GAINS.map((_, c) => ({ scale: (c === 2 ? high : 1) / 255, zeroPoint: 128 }));
    const index = new GraphIndex(prepared.graph);
    expect(channelwiseOutput(index, conv, channels(1), 'uint8')).not.toBeNull();
    expect(channelwiseOutput(index, conv, channels(1.2), 'uint8')).toBeNull();
  });

  it('gives a channel of zeros a scale, and narrow ones no narrower than 1/64 of the widest', async () => {
    const g = new GraphBuilder();
    const gains = [0, 1e-6, 1];
    const weight = randomValues(9, 'w').map((v, i) => v * gains[Math.floor(i / 3)]!);
    const conv = [g.input('x', IMAGE), g.constant('w', [3, 3, 1, 1], weight)];
    const { codes, params } = await quantize(g.output(g.node('c', 'Conv', conv)).build());
    const { channels } = codes.get('c_out')!;
    const whole = params.get('c_out')!.scale;
    expect(channels!.map((p) => p.scale)).toEqual([
      Math.fround(whole / 64),
      Math.fround(whole / 64),
      expect.closeTo(whole, 3),
    ]);
  });

  it('leaves a layer kept behind it in float', async () => {
    const g = new GraphBuilder();
    const conv = (name: string, x: string) =>
      g.node(name, 'Conv', [x, g.random(`${name}.w`, [4, 4, 3, 3]), g.random(`${name}.b`, [4])]);
    const x = g.input('x', [1, 4, 12, 12]);
    g.output(conv('last', conv('kept', conv('first', x))));
    const quantized = await quantize(g.build(), { keep: ['kept'] });
    expect(quantized.codes.get('first_out')!.channels).toHaveLength(4);
    const found = await executed(quantized);
    expect(['first', 'kept', 'last'].map((name) => found.of(name).precision)).toEqual([
      'int8',
      'float32',
      'int8',
    ]);
    const feed = randomFeed(quantized.model, 2);
    const slow = await output(quantized.model, feed, { optimization: 'disabled' });
    expect(relativeDifference(await output(quantized.model, feed), slow)).toBeLessThan(0.02);
  });

  it('keeps float biases of other units as they are', async () => {
    const { model } = await quantize(network(normalize));
    expect(floatData(constantOf(model, 'gamma'))).toEqual(Float32Array.of(1, 1, 1, 1));
  });
});
