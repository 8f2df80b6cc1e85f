/** Layers tried in groups against each of them tried alone in a model of its own, and against arithmetic written out. */
import { describe, expect, it, vi } from 'vitest';
import {
  experimentName,
  experimentsWith,
  groupedSensitivity,
  groupLayers,
  type BranchLimits,
} from '../../src/analyze/grouped-sensitivity';
import { noiseDb, OutputSums } from '../../src/analyze/output-sums';
import { outputNoise } from '../../src/analyze/sensitivity';
import { chooseChannelParams, fakeQuantize, type QuantParams } from '../../src/numeric';
import { floatData, makeTensor, parseModel, type Feed, type Model } from '../../src/onnx';
import type { ExperimentSettings } from '../../src/quantize/experiments';
import { Session } from '../../src/runtime/session';
import { constantOf, GraphBuilder } from '../lib/graph';
import { onlyThisNoise } from '../lib/only-this';
import { classifier } from '../lib/project';
import { quantizeReady, ready } from '../lib/quantize';
import { outputs, randomFeed, randomFeeds } from '../lib/runtime';

async function subject(model: Model, feeds: readonly Feed[]) {
  const q = quantizeReady(await ready(model, feeds));
  const settings: ExperimentSettings = {
    paramsOf: (t: string): QuantParams => q.params.get(q.placement.quantized.get(t) ?? t)!,
    activationType: 'uint8',
    weightSettings: () => ({ granularity: 'channel', bits: 8 }),
  };
  const exact: Record<string, Float32Array>[] = [];
  for (const feed of feeds) {
    const all = await outputs(model, feed);
    exact.push(
      Object.fromEntries(Object.entries(all).map(([n, v]) => [n, v.data as Float32Array])),
    );
  }
  const placed = q.placement.units.filter((p) => p.integer);
  const units = placed.map((p) => p.unit);
  return { q, settings, exact, feeds, placed, units };
}

type Subject = Awaited<ReturnType<typeof subject>>;
/** Of every layer, as far as the groups are concerned. */
const MACS = 100;
const LOOP = { budgetSeconds: 60 };
/** Every group holds as few layers as one may. */
const FEW = { nodes: 0, macs: Infinity, bytes: Infinity };

function grouped(
  { q, units, settings, feeds, exact }: Subject,
  parts = false,
  loop = LOOP,
  limits: BranchLimits | undefined = FEW,
) {
  const all = experimentsWith(units, parts);
  const groups = groupLayers(q.prepared, all, q.typeOf, () => MACS, limits);
  return groupedSensitivity(q.prepared, groups, settings, feeds, exact, loop);
}

/** Two results, a branch that begins early and ends late, and a result in the middle of the graph. */
function twoEnds() {
  const g = new GraphBuilder();
  const conv = (name: string, x: string, from: number) =>
    g.node(name, 'Conv', [x, g.random(`${name}.w`, [4, from, 3, 3]), g.random(`${name}.b`, [4])], {
      pads: [1, 1, 1, 1],
    });
  const first = g.node('relu', 'Relu', [conv('first', g.input('x', [1, 3, 6, 6]), 3)]);
  const second = conv('second', first, 4);
  g.output(g.node('middle', 'Sigmoid', [second]));
  const third = conv('third', g.node('relu2', 'Relu', [conv('side', second, 4)]), 4);
  const sum = g.node('sum', 'Add', [third, first]);
  g.output(g.node('end', 'Add', [conv('last', sum, 4), first]));
  return g.build();
}

describe('layers in groups', () => {
  it.each([
    ['a classifier', classifier()],
    ['two outputs and long ways around', twoEnds()],
  ])('give the noise of each layer in a model of its own: %s', async (_, model) => {
    const s = await subject(model, randomFeeds(model, 5));
    const alone = await onlyThisNoise(s.q.prepared, s.placed, s.settings, s.feeds, s.exact, LOOP);
    const together = await grouped(s);
    expect([...together.keys()].sort()).toEqual([...alone.keys()].sort());
    for (const [layer, noise] of alone)
      expect(together.get(layer)!.measures.sqnrDb, layer).toBeCloseTo(noiseDb(noise), 1);
  });

  it('tell weights from activations', async () => {
    const model = classifier();
    const s = await subject(model, randomFeeds(model, 5));
    const found = await grouped(s, true);
    const input = s.settings.paramsOf('image');
    const rounded = s.feeds.map(({ image }) => ({
      image: {
        ...image!,
        data: fakeQuantize(image!.data as Float32Array, input, 'uint8'),
      },
    }));
    const activations = await outputNoise(model, rounded, s.exact);
    expect(found.get('conv1 (activations)')!.measures.sqnrDb).toBeCloseTo(noiseDb(activations), 1);

    const changed = model.copy();
    const weight = floatData(constantOf(model, 'conv1.w'));
    const bias = floatData(constantOf(model, 'conv1.b'));
    const params = chooseChannelParams(weight, [8, 3, 3, 3], 0, 'int8', { symmetric: true });
    const put = (name: string, dims: number[], data: Float32Array) => {
      const at = changed.graph.initializer.findIndex((t) => t.name === name);
      changed.graph.initializer[at] = makeTensor(name, 'float32', dims, data);
    };
    const codes = weight.map((w, i) => {
      const p = params[Math.floor(i / 27)]!;
      return fakeQuantize(Float32Array.of(w), p, 'int8', { symmetric: true })[0]!;
    });
    put('conv1.w', [8, 3, 3, 3], codes);
    const step = (c: number) => input.scale * params[c]!.scale;
    put(
      'conv1.b',
      [8],
      bias.map((b, c) => Math.round(b / step(c)) * step(c)),
    );
    const weights = await outputNoise(changed, s.feeds, s.exact);
    expect(found.get('conv1 (weights)')!.measures.sqnrDb).toBeCloseTo(noiseDb(weights), 1);
    // an Add of two results has no weights
    expect(found.has('add (weights)')).toBe(false);
  });

  it.each(['its tensor', 'each of its channels'])(
    'tell the rounding of a result with a scale for %s',
    async (scales) => {
      const g = new GraphBuilder();
      const x = g.input('x', [1, 3, 6, 6]);
      const conv = g.node('conv', 'Conv', [x, g.random('w', [4, 3, 3, 3])]);
      const model = g.output(g.node('end', 'Sigmoid', [conv])).build();
      const feeds = randomFeeds(model, 5);
      const s = await subject(model, feeds);
      const params = { scale: 0.11, zeroPoint: 128 };
      const channels = [0.05, 0.2, 0.11, 0.02].map((scale) => ({ scale, zeroPoint: 128 }));
      const settings: ExperimentSettings = {
        ...s.settings,
        resultOf: () => ({ params, ...(scales !== 'its tensor' && { channels }) }),
      };
      const experiments = experimentsWith(s.units, false, new Set(['conv']));
      const groups = groupLayers(s.q.prepared, experiments, s.q.typeOf, () => MACS, FEW);
      const apart = { ...groups, groups: [], alone: experiments };
      const found = await Promise.all(
        [groups, apart].map((g) =>
          groupedSensitivity(s.q.prepared, g, settings, feeds, s.exact, LOOP),
        ),
      );

      const end = new GraphBuilder();
      const rounded = end
        .output(end.node('end', 'Sigmoid', [end.input('c', [1, 4, 4, 4])]))
        .build();
      const inner = new GraphBuilder();
      inner.output(
        inner.node('conv', 'Conv', [
          inner.input('x', [1, 3, 6, 6]),
          inner.random('w', [4, 3, 3, 3]),
        ]),
      );
      const codes = await Promise.all(
        feeds.map(async (feed) => {
          const { data } = Object.values(await outputs(inner.build(), feed))[0]!;
          const values = data as Float32Array;
          const c = values.map((v, i) => {
            const own = scales === 'its tensor' ? params : channels[Math.floor(i / 16)]!;
            return fakeQuantize(Float32Array.of(v), own, 'uint8')[0]!;
          });
          return { c: { type: 'float32' as const, dims: [1, 4, 4, 4], data: c } };
        }),
      );
      const want = noiseDb(await outputNoise(rounded, codes, s.exact));
      for (const way of found)
        expect(way.get('conv (result)')!.measures.sqnrDb).toBeCloseTo(want, 2);
    },
  );

  it('go on with what is known, and stop when the time is over', async () => {
    const model = classifier();
    const s = await subject(model, randomFeeds(model, 3));
    const all = await grouped(s);
    const measured: string[] = [];
    const known = new Map([...all].filter(([name]) => name !== 'conv2'));
    const again = await grouped(s, false, {
      ...LOOP,
      known,
      onMeasured: (name: string) => measured.push(name),
    } as typeof LOOP);
    expect(measured).toEqual(['conv2']);
    expect(again.get('conv2')!.measures.sqnrDb).toBeCloseTo(all.get('conv2')!.measures.sqnrDb, 1);
    const none = await grouped(s, false, { budgetSeconds: -1, known } as typeof LOOP);
    expect([...none.keys()].sort()).toEqual([...known.keys()].sort());
  });

  it('go on within a group from the sample at which they were interrupted', async () => {
    const model = classifier();
    const s = await subject(model, randomFeeds(model, 5)); // 5 have no divisor: each runs alone
    const all = await grouped(s);
    const kept: { samples: number; sums: Map<string, OutputSums> }[] = [];
    const copy = (sums: Map<string, OutputSums>) =>
      new Map([...sums].map(([name, sum]) => [name, OutputSums.fromData(sum.toData())]));
    const interrupted = grouped(s, false, {
      ...LOOP,
      onBegun: ({ samples, sums }: (typeof kept)[number]) => {
        kept.push({ samples, sums: copy(sums) });
        if (samples === 3) throw new RangeError('killed');
      },
    } as typeof LOOP);
    await expect(interrupted).rejects.toThrow('killed');
    expect(kept.map(({ samples }) => samples)).toEqual([1, 2, 3]);
    const added = vi.spyOn(OutputSums.prototype, 'add');
    const begun = { samples: 3, sums: copy(kept[2]!.sums) };
    const again = await grouped(s, false, { ...LOOP, begun } as typeof LOOP);
    const adds = added.mock.calls.length;
    added.mockRestore();
    expect(adds).toBe(all.size * 5 - begun.sums.size * 3);
    for (const [layer, sums] of all) expect(again.get(layer)!.toData()).toEqual(sums.toData());
  });

  it('open few sessions, and run what lies before a group once and what lies behind it for each layer', async () => {
    const g = new GraphBuilder();
    let x = g.input('x', [1, 2, 4, 4]);
    for (let i = 0; i < 16; i++)
      x = g.node(`c${i}`, 'Conv', [x, g.random(`w${i}`, [2, 2, 1, 1]), g.random(`b${i}`, [2])]);
    g.output(x);
    const model = g.build();
    const s = await subject(model, randomFeeds(model, 3));
    const opened: { convs: number; runs: number }[] = [];
    const open = Session.open.bind(Session);
    const spy = vi.spyOn(Session, 'open').mockImplementation(async (bytes, settings) => {
      const { graph } = parseModel(bytes as Uint8Array);
      const session = await open(bytes, settings);
      const counted = {
        convs: graph.node.filter(({ opType }) => opType === 'Conv').length,
        runs: 0,
      };
      opened.push(counted);
      const run = session.run.bind(session);
      session.run = (...args) => {
        counted.runs++;
        return run(...args);
      };
      return session;
    });
    const opening = async (limits: BranchLimits) => {
      opened.length = 0;
      await grouped(s, false, LOOP, limits);
      return [...opened];
    };
    const [few, one, macs, bytes] = [
      await opening(FEW),
      await opening({ nodes: 1000, macs: 1e6, bytes: 1e6 }),
      await opening({ nodes: 1000, macs: 3000, bytes: 1e6 }),
      await opening({ nodes: 1000, macs: 1e6, bytes: 120 }),
    ];
    spy.mockRestore();
    // four groups of four: in each its four exact nodes and 4 + 3 + 2 + 1 in branches; behind it 12, 8, 4 and none, for four layers
    // three samples: once each for a group, four times each behind it
    expect(few).toEqual([
      { convs: 14, runs: 3 },
      { convs: 12, runs: 12 },
      { convs: 14, runs: 3 },
      { convs: 8, runs: 12 },
      { convs: 14, runs: 3 },
      { convs: 4, runs: 12 },
      { convs: 14, runs: 3 },
    ]);
    // one group where all can be afforded, whose branches have 16 + 15 + … + 1
    expect(one).toEqual([{ convs: 16 + 136, runs: 3 }]);
    // 7 + 6 + … layers of 100 are not more than 30, those of eight are; eight weights of 16 bytes are more than 120
    const halves = [
      { convs: 8 + 36, runs: 3 },
      { convs: 8, runs: 24 },
      { convs: 8 + 36, runs: 3 },
    ];
    expect(macs).toEqual(halves);
    expect(bytes).toEqual(halves);
  });

  it.each<[string, (g: GraphBuilder, x: string) => string]>([
    ['are joined by no axis', (g, x) => g.node('shape', 'Reshape', [x, g.ints('to', [1, 4, 36])])],
    ['are mixed', (g, x) => g.node('mix', 'Softmax', [x], { axis: 0 })],
    ['are put behind each other', (g, x) => g.node('row', 'Reshape', [x, g.ints('to', [1, -1])])],
  ])('take samples one by one where they %s', async (_, mix) => {
    const g = new GraphBuilder();
    const conv = (name: string, x: string, from: number) =>
      g.node(name, 'Conv', [x, g.random(`${name}.w`, [4, from, 3, 3])], { pads: [1, 1, 1, 1] });
    let x = g.input('x', [1, 3, 6, 6]);
    for (const [i, name] of ['a', 'b', 'c', 'd', 'e', 'f'].entries())
      x = conv(name, x, i === 0 ? 3 : 4);
    g.output(mix(g, x));
    const model = g.build();
    const s = await subject(model, randomFeeds(model, 4));
    const alone = await onlyThisNoise(s.q.prepared, s.placed, s.settings, s.feeds, s.exact, LOOP);
    const together = await grouped(s);
    for (const [layer, noise] of alone)
      expect(together.get(layer)!.measures.sqnrDb, layer).toBeCloseTo(noiseDb(noise), 1);
  });

  it('take samples of different shapes', async () => {
    const g = new GraphBuilder();
    let x = g.input('x', [1, 3, 'h', 'w']);
    for (const [i, name] of ['a', 'b', 'c', 'd'].entries())
      x = g.node(
        name,
        'Conv',
        [x, g.random(`${name}.w`, [3, 3, 3, 3]), g.random(`${name}.b`, [3])],
        {
          pads: [i % 2, i % 2, i % 2, i % 2],
        },
      );
    g.output(x);
    const model = g.build();
    const like = (size: number) => {
      const b = new GraphBuilder();
      b.input('x', [1, 3, size, size]);
      return randomFeed({ graph: b.build().graph } as Model, size);
    };
    const s = await subject(model, [like(8), like(11)]);
    const alone = await onlyThisNoise(s.q.prepared, s.placed, s.settings, s.feeds, s.exact, LOOP);
    const together = await grouped(s);
    for (const [layer, noise] of alone)
      expect(together.get(layer)!.measures.sqnrDb, layer).toBeCloseTo(noiseDb(noise), 1);
  });

  it('are named by layer and part', () => {
    const unit = { name: 'conv' } as never;
    expect(experimentName({ unit, parts: 'all' })).toBe('conv');
    expect(experimentName({ unit, parts: 'weights' })).toBe('conv (weights)');
  });
});

describe('sums over outputs', () => {
  const scores = { output: 'y', width: 3 };
  const value = (data: number[]) => ({
    type: 'float32' as const,
    dims: [1, data.length],
    data: Float32Array.from(data),
  });

  it('give divergence and labels of logits and of probabilities', () => {
    const [p, q] = [
      [0.7, 0.2, 0.1],
      [0.2, 0.5, 0.3],
    ];
    const kl = p.reduce((sum, a, i) => sum + a * Math.log(a / q[i]!), 0);
    const given = new OutputSums().add(
      { y: Float32Array.from(p) },
      { y: value(q) },
      scores,
    ).measures;
    expect(given.klNats).toBeCloseTo(kl, 5);
    expect(given.sameLabel).toBe(0);
    const logits = (values: number[]) => values.map((v) => Math.log(v) + 5);
    const soft = new OutputSums().add(
      { y: Float32Array.from(logits(p)) },
      { y: value(logits(q)) },
      scores,
    ).measures;
    expect(soft.klNats).toBeCloseTo(kl, 5);
  });

  it('survive being stored', () => {
    const sums = new OutputSums().add(
      { y: Float32Array.of(1, 2, 3) },
      { y: value([1, 2, 4]) },
      scores,
    );
    const again = OutputSums.fromData(JSON.parse(JSON.stringify(sums.toData())) as never);
    expect(again.measures).toEqual(sums.measures);
    expect(sums.measures.sqnrDb).toBeCloseTo(10 * Math.log10(14), 10);
  });
});
