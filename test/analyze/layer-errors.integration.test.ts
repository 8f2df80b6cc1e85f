/** Errors of layers against the arithmetic written out: quantizers of ours, everything else by the runtime in float. */
import { describe, expect, it } from 'vitest';
import { accumulatedErrors, localErrors } from '../../src/analyze/layer-errors';
import { noiseDb } from '../../src/analyze/output-sums';
import { outputNoise } from '../../src/analyze/sensitivity';
import {
  chooseChannelParams,
  ClosenessAccumulator,
  dequantize,
  fakeQuantize,
  NoiseMoments,
  quantizeArray,
  SQNR_CAP_DB,
  type QuantParams,
} from '../../src/numeric';
import { floatData, type Feed } from '../../src/onnx';
import { onlyThisModel, type ExperimentSettings } from '../../src/quantize/experiments';
import { constantOf, GraphBuilder } from '../lib/graph';
import { WEIGHT_BITS } from '../lib/machine';
import { onlyThisNoise } from '../lib/only-this';
import { each, quantizeReady, ready, type QuantizedModel } from '../lib/quantize';
import { output, outputs, randomFeeds, tensors, value } from '../lib/runtime';

const IMAGE = [1, 3, 6, 6];
type Values = Float32Array;

/** conv1 → relu → conv2 (grouped, no bias) → flatten → fc. */
function network(
  weights: Partial<Record<string, Values>> = {},
  from: 'x' | 'relu_out' | 'conv2_out' = 'x',
) {
  const g = new GraphBuilder();
  const constant = (name: string, dims: number[]) => {
    const own = weights[name];
    return own ? g.constant(name, dims, own) : g.random(name, dims);
  };
  let t = g.input(from, from === 'x' ? IMAGE : [1, 4, ...(from === 'relu_out' ? [6, 6] : [4, 4])]);
  if (from === 'x') {
    const inputs = [t, constant('w1', [4, 3, 3, 3]), constant('b1', [4])];
    t = g.node('relu', 'Relu', [g.node('conv1', 'Conv', inputs, { pads: [1, 1, 1, 1] })]);
  }
  if (from !== 'conv2_out')
    t = g.node('conv2', 'Conv', [t, constant('w2', [4, 2, 3, 3])], { group: 2 });
  const flat = g.node('flat', 'Flatten', [t]);
  g.output(g.node('fc', 'Gemm', [flat, constant('w3', [64, 5]), constant('b3', [5])]));
  return g.build();
}
const AS_WRITTEN = { symmetric: true, bits: WEIGHT_BITS };

/** Weights as the quantizer leaves them: symmetric int8, one scale for each output channel. */
function rounded(q: QuantizedModel, name: string, axis: number, dims: number[]): Values {
  const values = floatData(constantOf(q.prepared, name));
  const params = chooseChannelParams(values, dims, axis, 'int8', AS_WRITTEN);
  const out = values.slice();
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  values.forEach((v, i) => {
    const p = params[Math.floor(i / inner) % dims[axis]!]!;
    out[i] = fakeQuantize(Float32Array.of(v), p, 'int8', AS_WRITTEN)[0]!;
  });
  return out;
}
/** A bias as int32 with the product of both scales. */
function roundedBias(q: QuantizedModel, layer: string, bias: string, input: string): Values {
  const values = floatData(constantOf(q.prepared, bias));
  const scales = q.weightScales.get(layer)!;
  const step = (c: number) => q.params.get(input)!.scale * scales[c]!;
  return values.map((b, c) => Math.round(b / step(c)) * step(c));
}
const activation = (q: QuantizedModel, tensor: string, x: Values) =>
  fakeQuantize(x, q.params.get(q.placement.quantized.get(tensor)!)!, 'uint8');

async function subject(keep: string[] = []) {
  const model = network();
  const prepared = await ready(model, randomFeeds(model, 6));
  const q = quantizeReady(prepared, { keep });
  const paramsOf = (t: string): QuantParams =>
    q.params.get(quantizeReady(prepared).placement.quantized.get(t) ?? t)!;
  const settings: ExperimentSettings = {
    paramsOf,
    activationType: 'uint8',
    weightSettings: () => ({ granularity: 'channel', bits: WEIGHT_BITS }),
  };
  return { model, q, settings, feeds: q.feeds };
}

/** Runs what follows `from` with these weights. */
const run = (weights: Record<string, Values>, from: Parameters<typeof network>[1], x: Values) => {
  const model = network(weights, from);
  const dims = from === 'x' ? IMAGE : [1, 4, ...(from === 'relu_out' ? [6, 6] : [4, 4])];
  return { model, feed: { [from!]: value(dims, x) } as Feed };
};

/** What every layer gives with its own quantizers on exact inputs, by the book. */
async function byTheBook(q: QuantizedModel, feed: Feed) {
  const exact = await tensors(q.prepared, ['relu_out', 'conv2_out', 'fc_out'], feed);
  const of = (name: string) => exact[name]!.data as Values;
  const w1 = rounded(q, 'w1', 0, [4, 3, 3, 3]);
  const w2 = rounded(q, 'w2', 0, [4, 2, 3, 3]);
  const w3 = rounded(q, 'w3', 1, [64, 5]);
  const first = run(
    { w1, b1: roundedBias(q, 'conv1', 'b1', 'x') },
    'x',
    activation(q, 'x', feed.x!.data as Values),
  );
  const second = run({ w2 }, 'relu_out', activation(q, 'relu_out', of('relu_out')));
  // what fc reads has the scale of conv2's output: Flatten only moves it
  const third = run(
    { w3, b3: roundedBias(q, 'fc', 'b3', 'conv2_out') },
    'conv2_out',
    activation(q, 'conv2_out', of('conv2_out')),
  );
  return {
    exact: of,
    local: {
      conv1: (await tensors(first.model, ['relu_out'], first.feed)).relu_out!.data as Values,
      conv2: (await tensors(second.model, ['conv2_out'], second.feed)).conv2_out!.data as Values,
      fc: await output(third.model, third.feed),
    },
    only: {
      conv1: await output(first.model, first.feed),
      conv2: await output(second.model, second.feed),
      fc: await output(third.model, third.feed),
    },
  };
}
const LAYERS = ['conv1', 'conv2', 'fc'] as const;
const OUTPUT = { conv1: 'relu_out', conv2: 'conv2_out', fc: 'fc_out' };

describe('localErrors', () => {
  it('is each layer on exact inputs with its own quantizers', async () => {
    const { q, settings, feeds } = await subject();
    const errors = await localErrors(q.prepared, q.placement.units, settings, each(feeds));
    const sums = Object.fromEntries(LAYERS.map((l) => [l, new ClosenessAccumulator()]));
    const shapes = Object.fromEntries(LAYERS.map((l) => [l, new NoiseMoments()]));
    for (const feed of feeds) {
      const book = await byTheBook(q, feed);
      for (const layer of LAYERS) {
        sums[layer]!.add(book.exact(OUTPUT[layer]), book.local[layer]);
        shapes[layer]!.add(book.exact(OUTPUT[layer]), book.local[layer]);
      }
    }
    expect([...errors.keys()]).toEqual([...LAYERS]);
    for (const layer of LAYERS) {
      const { closeness, byChannel } = errors.get(layer)!;
      expect(closeness.sqnrDb, layer).toBeCloseTo(sums[layer]!.sqnrDb, 2);
      expect(closeness.cosine).toBeCloseTo(sums[layer]!.cosine, 6);
      expect(closeness.maxAbs).toBeCloseTo(sums[layer]!.maxAbs, 5);
      expect(byChannel).toHaveLength(layer === 'fc' ? 5 : 4);
      const { noise } = errors.get(layer)!;
      expect(noise.rmse / shapes[layer]!.rmse, layer).toBeCloseTo(1, 2);
      expect(noise.kurtosis! / shapes[layer]!.kurtosis!).toBeCloseTo(1, 1);
      expect(noise.rmsePerScale).toBeNull();
      const worst = Math.min(...byChannel!);
      expect(worst).toBeLessThanOrEqual(closeness.sqnrDb + 1e-9);
    }
  });

  it('does not depend on what is kept', async () => {
    const all = await subject();
    const kept = await subject(['conv1']);
    const units = all.q.placement.units;
    const a = await localErrors(all.q.prepared, units, all.settings, each(all.feeds));
    const b = await localErrors(kept.q.prepared, units, kept.settings, each(kept.feeds));
    expect([...b]).toEqual([...a]);
  });

  it('counts samples', async () => {
    const { q, settings, feeds } = await subject();
    const done: number[] = [];
    await localErrors(q.prepared, q.placement.units, settings, each(feeds), (n) => {
      done.push(n);
    });
    expect(done).toEqual([1, 2, 3, 4, 5, 6]);
  });
});

describe('onlyThisModel', () => {
  it('has the noise of one layer at the output', async () => {
    const { q, settings, feeds } = await subject();
    const feed = feeds[0]!;
    const { only } = await byTheBook(q, feed);
    const exact = await output(q.prepared, feed);
    for (const layer of LAYERS) {
      const unit = q.units.find((u) => u.name === layer)!;
      const got = await output(onlyThisModel(q.prepared, unit, settings), feed);
      const noise = (values: Values) => values.reduce((s, v, i) => s + (v - exact[i]!) ** 2, 0);
      expect(noise(got) / noise(only[layer]), layer).toBeCloseTo(1, 2);
    }
  });

  it('keeps the name of an output and lets other readers of it have the noise too', async () => {
    const g = new GraphBuilder();
    const c = g.node('c', 'Conv', [g.input('x', IMAGE), g.random('w', [4, 3, 1, 1])]);
    g.output(c, g.node('e', 'Exp', [c]));
    const model = g.build();
    const prepared = await ready(model);
    const q = quantizeReady(prepared);
    const settings: ExperimentSettings = {
      paramsOf: (t) => q.params.get(t)!,
      activationType: 'uint8',
      weightSettings: () => ({ granularity: 'channel', bits: WEIGHT_BITS }),
    };
    const only = onlyThisModel(q.prepared, q.units[0]!, settings);
    expect(only.graph.output.map((v) => v.name)).toEqual(['c_out', 'e_out']);
    const got = await outputs(only, q.feeds[0]!);
    const exact = await outputs(model, q.feeds[0]!);
    expect(got.c_out!.data).not.toEqual(exact.c_out!.data);
  });
});

describe('onlyThisNoise', () => {
  it('gives every layer its noise, resumes, and stops where the budget ends', async () => {
    const { q, settings, feeds } = await subject();
    const exact = await Promise.all(
      feeds.map(async (feed) => ({ fc_out: await output(q.prepared, feed) })),
    );
    const measured: string[] = [];
    const loop = { budgetSeconds: 60, onMeasured: (layer: string) => void measured.push(layer) };
    const args = [q.prepared, q.placement.units, settings, feeds, exact] as const;
    const noise = await onlyThisNoise(...args, loop);
    expect(measured).toEqual([...LAYERS]);
    for (const layer of LAYERS) {
      expect(noise.get(layer)!.signal).toBe(1); // normalised to the power of each output
      expect(noiseDb(noise.get(layer)!)).toBeGreaterThan(20);
    }
    measured.length = 0;
    const known = new Map([...noise].slice(0, 2));
    expect(await onlyThisNoise(...args, { ...loop, known })).toEqual(noise);
    expect(measured).toEqual(['fc']);
    const none = await onlyThisNoise(...args, { ...loop, budgetSeconds: -1, known });
    expect([...none.keys()]).toEqual(['conv1', 'conv2']);
  });

  it('counts outputs of different size and scale alike', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', [1, 4]);
    g.output(g.node('small', 'Mul', [x, g.constant('s', [], [1e-3])]));
    g.output(g.node('large', 'Mul', [x, g.constant('l', [], [1e3])]));
    const model = g.build();
    const feed = { x: value([1, 4], [1, 1, 1, 1]) };
    const off = (scale: number) => Float32Array.from({ length: 4 }, () => scale * 1.1);
    const noise = await outputNoise(
      model,
      [feed],
      [{ small_out: off(1e-3), large_out: Float32Array.of(1e3, 1e3, 1e3, 1e3) }],
    );
    expect(noise.signal).toBe(2);
    expect(noise.noise).toBeCloseTo((0.1 / 1.1) ** 2, 5);
  });
});

describe('accumulatedErrors', () => {
  it('is the quantized model against FP32 on the same input, read as codes', async () => {
    const { q, feeds } = await subject();
    const layers = q.units.map((u) => ({ name: u.name, output: u.output }));
    const errors = await accumulatedErrors(
      q.prepared,
      q.model,
      layers,
      (t) => q.codes.get(t),
      () => each(feeds),
    );
    const sums = Object.fromEntries(LAYERS.map((l) => [l, new ClosenessAccumulator()]));
    const w = {
      w1: rounded(q, 'w1', 0, [4, 3, 3, 3]),
      w2: rounded(q, 'w2', 0, [4, 2, 3, 3]),
      w3: rounded(q, 'w3', 1, [64, 5]),
      b1: roundedBias(q, 'conv1', 'b1', 'x'),
      b3: roundedBias(q, 'fc', 'b3', 'conv2_out'),
    };
    const shape = new NoiseMoments();
    let outside = 0;
    const used = new Set<number>();
    for (const feed of feeds) {
      const exact = await tensors(q.prepared, Object.values(OUTPUT), feed);
      const of = (name: string) => exact[name]!.data as Values;
      const first = run(w, 'x', activation(q, 'x', feed.x!.data as Values));
      const a = await tensors(first.model, ['relu_out'], first.feed);
      const codes = quantizeArray(a.relu_out!.data as Values, q.params.get('relu_out')!, 'uint8');
      const relu = dequantize(codes, q.params.get('relu_out')!);
      const second = run(w, 'relu_out', relu);
      const b = await tensors(second.model, ['conv2_out'], second.feed);
      const conv2 = activation(q, 'conv2_out', b.conv2_out!.data as Values);
      const third = run(w, 'conv2_out', conv2);
      sums.conv1!.add(of('relu_out'), relu);
      shape.add(of('relu_out'), relu, q.params.get('relu_out')!.scale);
      sums.conv2!.add(of('conv2_out'), conv2);
      sums.fc!.add(of('fc_out'), await output(third.model, third.feed));
      codes.forEach((code) => used.add(code));
      const { scale } = q.params.get('relu_out')!;
      outside += of('relu_out').filter((v) => v > 255.5 * scale).length;
    }
    expect(errors.get('conv1')!.dims).toEqual([1, 4, 6, 6]);
    expect(errors.get('conv1')!.clipRate).toBe(outside / (6 * 144));
    expect(errors.get('conv1')!.utilisation).toBeCloseTo(used.size / 256, 2);
    expect(errors.get('fc')).toMatchObject({ dims: [1, 5], clipRate: null, utilisation: null });
    const { noise } = errors.get('conv1')!;
    expect(noise.rmsePerScale! / shape.rmsePerScale!).toBeCloseTo(1, 1);
    expect(noise.kurtosis! / shape.kurtosis!).toBeCloseTo(1, 1);
    expect(errors.get('fc')!.noise.rmsePerScale).toBeNull();
    for (const layer of LAYERS)
      // the integer kernel may round a handful of values to the other neighbour
      expect(Math.abs(errors.get(layer)!.closeness.sqnrDb - sums[layer]!.sqnrDb)).toBeLessThan(0.1);
  });

  it('is 150 dB where everything is FP32', async () => {
    const { q, feeds } = await subject(['conv1', 'conv2', 'fc']);
    const layers = q.units.map((u) => ({ name: u.name, output: u.output }));
    const errors = await accumulatedErrors(
      q.prepared,
      q.model,
      layers,
      (t) => q.codes.get(t),
      () => each(feeds),
    );
    for (const layer of LAYERS) expect(errors.get(layer)!.closeness.sqnrDb).toBe(SQNR_CAP_DB);
  });

  it('reads a shipped output as codes too, and a kept layer as the float that it leaves', async () => {
    const { q, feeds } = await subject(['conv2']);
    const layers = q.units.map((u) => ({ name: u.name, output: u.output }));
    const errors = await accumulatedErrors(
      q.prepared,
      q.model,
      layers,
      (t) => q.codes.get(t),
      () => each(feeds),
    );
    expect(errors.get('conv1')!.utilisation).not.toBeNull();
    expect(errors.get('conv2')!.utilisation).toBeNull();
    expect(errors.get('conv2')!.closeness.sqnrDb).toBeGreaterThan(
      errors.get('conv1')!.closeness.sqnrDb - 10,
    );
  });
});
