/** Real graphs of the runtime with made-up times, so that nothing here depends on how fast this machine is. */
import { describe, expect, it } from 'vitest';
import { quantizationBreaks } from '../../../src/analyze/fusions/breaks';
import { lookAt } from '../../../src/analyze/look';
import { latencyProfile, timedBreaks } from '../../../src/analyze/profile';
import { allNodes, serializeModel, type Model } from '../../../src/onnx';
import { optimizedGraph } from '../../../src/runtime/optimized';
import type { NodeTimes } from '../../../src/runtime/profile';
import { GraphBuilder } from '../../lib/graph';
import { quantize } from '../../lib/quantize';

const RUNS = 9;

/** A profile in which kernels take what `of` says, give or take a run's own 1 %. */
function times(optimized: Model, of: (op: string, name: string) => number): NodeTimes {
  const nodes = [...allNodes(optimized.graph)].map(({ name, opType: op }, i) => ({
    name: name === '' ? `${op}_${i}` : name,
    op,
    ms: Array.from({ length: RUNS }, (_, r) => of(op, name) * (1 + r / 800)),
  }));
  const runs = Array.from({ length: RUNS }, (_, r) =>
    nodes.reduce((sum, { ms }) => sum + ms[r]!, 0),
  );
  return { runs, nodes };
}

/** conv1 → conv2 + conv1 → Relu → Softmax over channels → fc */
function residual() {
  const b = new GraphBuilder();
  b.input('x', [1, 16, 16, 16]);
  b.node('conv1', 'Conv', ['x', b.random('w1', [16, 16, 3, 3])], { pads: [1, 1, 1, 1] });
  b.node('conv2', 'Conv', ['conv1_out', b.random('w2', [16, 16, 3, 3])], { pads: [1, 1, 1, 1] });
  b.node('add', 'Add', ['conv2_out', 'conv1_out']);
  b.node('relu', 'Relu', ['add_out']);
  b.node('tanh', 'Tanh', ['relu_out']);
  b.node('pool', 'GlobalAveragePool', ['tanh_out']);
  b.node('flat', 'Flatten', ['pool_out']);
  b.node('fc', 'Gemm', ['flat_out', b.random('w3', [16, 4])]);
  return b.output('fc_out').build();
}

async function profiled(
  fp32Of: (op: string, name: string) => number,
  int8Of: (op: string, name: string) => number,
  plain = { fp32Ms: 0, int8Ms: 0 },
) {
  const model = residual();
  const quantized = await quantize(model);
  const fp32 = await optimizedGraph(serializeModel(model));
  const int8 = await optimizedGraph(serializeModel(quantized.model));
  const pair = { reference: times(fp32, fp32Of), candidate: times(int8, int8Of), threads: 1 };
  const profile = latencyProfile(pair, fp32, int8, quantized, plain);
  return { pair, fp32, int8, quantized, profile };
}

describe('latencyProfile', () => {
  it('finds every layer in both graphs, and compares as one what a kernel runs as one', async () => {
    const { profile } = await profiled(
      () => 2,
      () => 1,
    );
    expect(profile.matched).toBe(1);
    expect(profile.runs).toBe(RUNS);
    const layer = (name: string) => profile.layers.find((l) => l.layer === name)!;
    expect(profile.layers.map((l) => l.layer)).toEqual([
      ...['conv1', 'conv2', 'add', 'tanh', 'pool', 'fc'],
    ]);
    // in FP32 the addition runs in a convolution's kernel, in INT8 on its own
    expect(layer('add').fp32).toMatchObject({ ms: 0, in: layer('add').group });
    expect(layer('add').int8).toMatchObject({ in: null });
    expect(layer('add').changeMs).toBeNull();
    const host = layer(layer('add').group);
    expect(host.fp32!.ms).toBeCloseTo(2 * 1.005, 9);
    const total = (side: 'fp32' | 'int8') =>
      [host, layer('add')].reduce((sum, l) => sum + l[side]!.ms + l[side]!.conversionMs, 0);
    expect(host.changeMs!.value).toBeCloseTo(total('int8') - total('fp32'), 9);
    // the addition stays float, and pays for two conversions and the layout of both operands
    expect(layer('add').int8!.conversionMs).toBeCloseTo(4 * 1.005, 9);
  });

  it('counts all of the time once', async () => {
    const { profile, pair } = await profiled(
      (op) => op.length,
      (op) => op.length + 1,
    );
    for (const [side, { nodes }] of [
      [profile.fp32, pair.reference],
      [profile.int8, pair.candidate],
    ] as const) {
      const all = nodes.reduce((sum, { ms }) => sum + ms[(RUNS - 1) / 2]!, 0);
      expect(side.runMs).toBeCloseTo(all, 9);
      expect(side.kernels.reduce((sum, k) => sum + k.ms, 0)).toBeCloseTo(all, 9);
      expect(side.kernels.reduce((sum, k) => sum + k.share, 0)).toBeCloseTo(1, 9);
      expect(side.kernels.reduce((sum, k) => sum + k.nodes, 0)).toBe(nodes.length);
    }
    const ofLayers = profile.layers.reduce(
      (sum, { int8 }) => sum + int8!.ms + int8!.conversionMs,
      0,
    );
    const others = profile.int8.kernels.filter(({ role }) => role === 'other');
    expect(ofLayers + others.reduce((sum, k) => sum + k.ms, 0)).toBeCloseTo(profile.int8.runMs, 9);
  });

  it('names the float operator that takes most of the time', async () => {
    const { profile } = await profiled(
      () => 1,
      (op) => (op === 'Tanh' ? 50 : 1),
    );
    expect(profile.cause).toMatchObject({ kind: 'float kernels', op: 'Tanh' });
    expect(profile.cause!.share).toBeGreaterThan(0.7);
  });

  it('names conversions, the time outside of kernels, or kernels that are no faster', async () => {
    const conversion = (op: string) => (/uantize|Reorder|Transpose/.test(op) ? 20 : 1);
    expect((await profiled(() => 1, conversion)).profile.cause!.kind).toBe('conversions');
    const one = () => 1;
    const outside = await profiled(one, one, { fp32Ms: 10, int8Ms: 200 });
    expect(outside.profile.cause!.kind).toBe('outside of kernels');
    expect(outside.profile.int8.outsideMs).toBeGreaterThan(180);
    const integer = (op: string) => (op.startsWith('QLinear') || op === 'QGemm' ? 30 : 1);
    const slow = await profiled(one, integer);
    expect(slow.profile.cause!.kind).toBe('integer kernels');
    const fast = (op: string) => (op.startsWith('QLinear') || op === 'QGemm' ? 2 : 0.1);
    expect((await profiled(() => 30, fast)).profile.cause).toBeNull();
  });

  it('offers to keep the layers that got slower, the most to save first', async () => {
    const slow = (op: string, name: string) =>
      /uantize|Reorder|Transpose/.test(op)
        ? 0.01
        : op === 'QGemm'
          ? 29
          : name.startsWith('conv1')
            ? 15
            : 1;
    const { profile } = await profiled(() => 4, slow);
    expect(profile.fixes.map((f) => f.layers[0])).toEqual(['fc', 'conv1']);
    expect(profile.fixes[0]!.savesMs).toBeGreaterThan(19);
    expect(profile.layers.filter((l) => l.slower).map((l) => l.layer)).toContain('fc');
  });
});

describe('timedBreaks', () => {
  /** The breaks of the residual network, with made-up times of its nodes. */
  async function broken(of: (op: string, name: string) => number) {
    const { pair, int8, quantized } = await profiled(() => 1, of);
    const look = await lookAt(residual());
    const breaks = quantizationBreaks(int8, quantized.model, look.context);
    return { breaks, int8, candidate: pair.candidate };
  }

  it('adds up the conversions of a break, and what runs in float between them', async () => {
    const { breaks, candidate, int8 } = await broken((op) =>
      /uantizeLinear/.test(op) ? 3 : op === 'Tanh' ? 7 : 1,
    );
    expect(breaks.map(({ conversionMs, floatMs }) => [conversionMs, floatMs])).toEqual(
      breaks.map(() => [null, null]),
    );
    const timed = timedBreaks(breaks, candidate, int8);
    const tanh = timed.find(({ nodes }) => nodes.some(({ op }) => op === 'Tanh'))!;
    // the median run is 0.5 % slower than the first
    expect(tanh.conversionMs).toBeCloseTo(3 * tanh.conversions.length * 1.005, 9);
    expect(tanh.floatMs).toBeCloseTo((7 + (tanh.nodes.length - 1)) * 1.005, 9);
    expect(tanh.conversions.length).toBeGreaterThan(0);
    // nothing else about them changes
    expect(timed.map((b) => ({ ...b, conversionMs: null, floatMs: null }))).toEqual(breaks);
  });

  it('does not know what a node takes that is not in the profile', async () => {
    const { breaks, candidate, int8 } = await broken(() => 1);
    const without = { ...candidate, nodes: candidate.nodes.filter(({ op }) => op !== 'Tanh') };
    const timed = timedBreaks(breaks, without, int8);
    const tanh = timed.find(({ nodes }) => nodes.some(({ op }) => op === 'Tanh'))!;
    expect(tanh.floatMs).toBeNull();
    expect(tanh.conversionMs).toBeGreaterThan(0);
  });

  it('takes no time in float where codes are only written anew', async () => {
    const { breaks, candidate, int8 } = await broken(() => 1);
    const [first] = breaks;
    const rescaled = { ...first!, nodes: [] };
    expect(timedBreaks([rescaled], candidate, int8)[0]).toMatchObject({ floatMs: 0 });
  });
});
