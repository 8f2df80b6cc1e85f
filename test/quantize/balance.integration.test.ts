/** Channels of very different ranges, balanced with the weights of the convolutions that read them. */
import { describe, expect, it } from 'vitest';
import { twinErrors } from '../../src/analyze/layer-errors';
import { correctBiases } from '../../src/quantize/bias-correction';
import { ClosenessAccumulator } from '../../src/numeric';
import { localModel } from '../../src/quantize/experiments';
import { GraphBuilder, nodeOf, randomValues } from '../lib/graph';
import { each, executed, quantize, type QuantizedModel } from '../lib/quantize';
import { output, randomFeed, randomFeeds } from '../lib/runtime';

const CHANNELS = 8;
/** Ranges of channels. */
const GAINS = Array.from({ length: CHANNELS }, (_, c) => 4 ** (c - 6));

type Part = (g: GraphBuilder, x: string) => string;

/** A convolution whose channels differ as GAINS do. */
const uneven: Part = (g, x) => {
  const weights = randomValues(CHANNELS * 9, 'uneven').map((w, i) => w * GAINS[Math.floor(i / 9)]!);
  return g.node('uneven', 'Conv', [x, g.constant('uneven.w', [CHANNELS, 1, 3, 3], weights)]);
};
/** The same ranges in float. */
const scaled: Part = (g, x) => {
  const wide = g.node('wide', 'Tile', [x, g.ints('times', [1, CHANNELS, 1, 1])]);
  return g.node('scaled', 'Mul', [wide, g.constant('gains', [1, CHANNELS, 1, 1], GAINS)]);
};
const relu: Part = (g, x) => g.node('relu', 'Relu', [x]);
const gelu: Part = (g, x) => g.node('gelu', 'Gelu', [x]);
const pool: Part = (g, x) =>
  g.node('pool', 'MaxPool', [x], { kernel_shape: [2, 2], strides: [1, 1] });
const clip: Part = (g, x) =>
  g.node('clip', 'Clip', [x, g.constant('low', [], [-0.5]), g.constant('high', [], [0.5])]);
/** A layer that needs what little its narrow channels hold. */
const reader =
  (name = 'reader', group = 1): Part =>
  (g, x) => {
    const per = CHANNELS / group;
    const weights = randomValues(CHANNELS * per * 9, name).map((w, i) => {
      const [output, input] = [Math.floor(i / (9 * per)), Math.floor(i / 9) % per];
      return w / GAINS[Math.floor(output / (CHANNELS / group)) * per + input]!;
    });
    const shape = [CHANNELS, per, 3, 3];
    return g.node(name, 'Conv', [x, g.constant(`${name}.w`, shape, weights)], { group });
  };

function network(...parts: Part[]) {
  const g = new GraphBuilder(20);
  return g.output(parts.reduce((x, part) => part(g, x), g.input('x', [1, 1, 20, 20]))).build();
}

async function quality(model: ReturnType<typeof network>, equalize: boolean) {
  const quantized = await quantize(model, { equalize });
  const feed = randomFeed(model, 99);
  const [exact, written] = [await output(model, feed), await output(quantized.model, feed)];
  return { quantized, db: new ClosenessAccumulator().add(exact, written).sqnrDb };
}

describe('balances', () => {
  it.each<[string, Part[], string]>([
    ['what a convolution and its Relu give', [uneven, relu, reader()], 'relu_out'],
    ['what a convolution alone gives', [uneven, reader()], 'uneven_out'],
    ['what comes in float, through a GELU', [scaled, gelu, reader()], 'gelu_out'],
    ['what a depthwise convolution reads', [uneven, relu, reader('reader', CHANNELS)], 'relu_out'],
    ['what a grouped one reads', [scaled, reader('reader', 2)], 'scaled_out'],
  ])('%s', async (_, parts, tensor) => {
    const model = network(...parts);
    const { quantized, db } = await quality(model, true);
    expect([...quantized.balanced.keys()]).toEqual([tensor]);
    expect(db - (await quality(model, false)).db).toBeGreaterThan(2);
    const { of } = await executed(quantized);
    expect(of('reader')).toMatchObject({ precision: 'int8', kernel: 'QLinearConv' });
    expect(quantized.codes.get(tensor)!.channels).toHaveLength(CHANNELS);
  });

  const second = (g: GraphBuilder, x: string) => {
    g.output(g.node('mean', 'ReduceMean', [x]));
    return x;
  };
  it.each<[string, Part[]]>([
    [
      'channels are alike',
      [(g, x) => g.node('a', 'Tile', [x, g.ints('t', [1, 8, 1, 1])]), reader()],
    ],
    ['codes move on before they are read', [uneven, relu, pool, reader()]],
    ['something else reads the codes', [uneven, relu, second, reader()]],
    ['an activation cuts where each channel has another code', [uneven, clip, reader()]],
  ])('leaves alone: %s', async (_, parts) => {
    const { quantized } = await quality(network(...parts), true);
    expect([...quantized.balanced.keys()]).toEqual([]);
  });

  it('two readers take back the same scales', async () => {
    const model = network(uneven, relu, (g, x) =>
      g.node('sum', 'Add', [reader('one')(g, x), reader('two')(g, x)]),
    );
    const { quantized, db } = await quality(model, true);
    expect(quantized.balanced.has('relu_out')).toBe(true);
    expect(db - (await quality(model, false)).db).toBeGreaterThan(2);
  });

  it('holds for layers that are tried alone, and for corrected biases', async () => {
    const model = network(scaled, gelu, reader());
    const local = async (quantized: QuantizedModel) => {
      const { prepared, placement, params, balanced, feeds } = quantized;
      const settings = {
        paramsOf: (tensor: string) => params.get(tensor)!,
        activationType: 'uint8' as const,
        weightSettings: () => ({ granularity: 'channel' as const, bits: 8 }),
        balances: balanced,
      };
      const twins = localModel(prepared, placement.units, settings);
      const errors = await twinErrors(twins, each(feeds));
      const { changes } = await correctBiases(prepared, placement, feeds, settings);
      return { db: errors.get('reader')!.closeness.sqnrDb, shift: changes.get('reader')!.before };
    };
    const feeds = randomFeeds(model, 16);
    const one = await local(await quantize(model, { feeds }));
    const own = await local(await quantize(model, { feeds, equalize: true }));
    expect(own.db - one.db).toBeGreaterThan(2);
    expect(own.shift).toBeLessThan(one.shift);
  });

  it('writes a scale for every channel where floats become codes, one where codes are read', async () => {
    const { quantized } = await quality(network(scaled, gelu, reader()), true);
    const { model } = quantized;
    const axis = nodeOf(model, 'gelu_out/QuantizeLinear').attribute.find((a) => a.name === 'axis');
    expect(Number(axis!.i)).toBe(1);
    expect(nodeOf(model, 'gelu_out/DequantizeLinear').attribute).toEqual([]);
  });
});
