/** Layers inside If, Loop and Scan: named, quantized, and run as written. */
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { executedKernels } from '../../src/analyze/executed';
import { lookAtPrepared } from '../../src/analyze/look';
import { summarizeLayers } from '../../src/analyze/layers';
import { ClosenessAccumulator } from '../../src/numeric';
import { bodiesOf, serializeModel, type Model } from '../../src/onnx';
import { flawsOf } from '../../src/onnx/check-written';
import { validateModel } from '../../src/onnx/validate';
import { quantizeGraphs } from '../../src/quantize/bodies';
import { quantizeDynamic } from '../../src/quantize/dynamic';
import { place } from '../../src/quantize/placement';
import { prepare } from '../../src/quantize/prepare';
import { optimizedGraph } from '../../src/runtime/optimized';
import { floats, graph, ints, model, op, type GraphInit } from '../onnx/build';
import { difference, randomFeeds, runModel, type Feeds } from '../onnx/runner';

async function dynamic(source: Model, keep: string[] = []) {
  validateModel(source);
  const look = lookAtPrepared(source, await prepare(source));
  const written = await quantizeGraphs(look.model, look.units, (m, units) =>
    quantizeDynamic(m, units, new Set(keep), 'channel'),
  );
  expect(flawsOf(written.model, source)).toEqual([]);
  const optimized = await optimizedGraph(serializeModel(written.model));
  const executed = executedKernels(optimized, look.units, look.model);
  return { look, ...written, executed };
}

/** Lowest SQNR of the float outputs over some feeds. */
async function closeness(source: Model, written: Model, feeds: Feeds[]): Promise<number> {
  let worst = Infinity;
  const sums = new Map<string, ClosenessAccumulator>();
  for (const feed of feeds) {
    const [want, got] = [await runModel(source, feed), await runModel(written, feed, 'all')];
    for (const [name, t] of Object.entries(want)) {
      const sum = sums.get(name) ?? new ClosenessAccumulator();
      sum.add(t.data as Float32Array, got[name]!.data as Float32Array);
      sums.set(name, sum);
    }
  }
  for (const { sqnrDb } of sums.values()) worst = Math.min(worst, sqnrDb);
  return worst;
}

const bool = (value: boolean) => new ort.Tensor('bool', Uint8Array.of(Number(value)), []);
const branch = (name: string, init: Omit<GraphInit, 'outputs'>) =>
  graph({ ...init, outputs: { [name]: null } });

/** Both branches and the main graph read the same weight. */
function choice(): Model {
  return model({
    inputs: { x: [2, 32], c: { type: 'bool', shape: [] } },
    outputs: { y: [2, 32], z: [2, 32] },
    nodes: [
      op('MatMul', ['x', 'w'], ['z'], {}, 'outer'),
      op(
        'If',
        ['c'],
        ['y'],
        {
          then_branch: branch('t', {
            nodes: [op('MatMul', ['x', 'w'], ['h'], {}, 'mm'), op('Relu', ['h'], ['t'])],
          }),
          else_branch: branch('t', {
            nodes: [op('Neg', ['x'], ['n']), op('MatMul', ['n', 'w'], ['t'], {}, 'mm')],
          }),
        },
        'if',
      ),
    ],
    initializers: [floats('w', [32, 32])],
  });
}

/** h ← tanh(x·w + h·r), five times; w inside the body, r outside. */
function loop(): Model {
  const body = graph({
    inputs: { i: { type: 'int64', shape: [] }, go: { type: 'bool', shape: [] }, h: [2, 16] },
    outputs: { still: { type: 'bool', shape: [] }, h2: [2, 16], all: [2, 16] },
    nodes: [
      op('Constant', [], ['w'], { value: floats('', [16, 16]) }),
      op('MatMul', ['x', 'w'], ['a']),
      op('MatMul', ['h', 'r'], ['b']),
      op('Add', ['a', 'b'], ['s']),
      op('Tanh', ['s'], ['h2']),
      op('Identity', ['h2'], ['all']),
      op('Identity', ['go'], ['still']),
    ],
  });
  return model({
    inputs: { x: [2, 16], h0: [2, 16] },
    outputs: { y: [2, 16], ys: [5, 2, 16] },
    nodes: [op('Loop', ['n', '', 'h0'], ['y', 'ys'], { body }, 'steps')],
    initializers: [ints('n', [5], []), floats('r', [16, 16])],
  });
}

/** A Scan over seven rows, with an If inside. */
function scan(): Model {
  const body = graph({
    inputs: { h: [16], row: [16] },
    outputs: { h2: [16], out: [16] },
    nodes: [
      op('Unsqueeze', ['row', 'axis'], ['r1']),
      op('ReduceSum', ['row'], ['sum'], { keepdims: 0 }),
      op('Greater', ['sum', 'zero'], ['positive']),
      op(
        'If',
        ['positive'],
        ['m'],
        {
          then_branch: branch('t', { nodes: [op('MatMul', ['r1', 'w'], ['t'])] }),
          else_branch: branch('e', {
            nodes: [op('Gemm', ['r1', 'v', 'bias'], ['e'], { transB: 1, alpha: 0.5 })],
            initializers: [floats('v', [16, 16])],
          }),
        },
        'either',
      ),
      op('Squeeze', ['m', 'axis'], ['out']),
      op('Add', ['h', 'out'], ['h2']),
    ],
    initializers: [ints('axis', [0])],
  });
  return model({
    inputs: { x: [7, 16], h0: [16] },
    outputs: { y: [16], ys: [7, 16] },
    nodes: [op('Scan', ['h0', 'x'], ['y', 'ys'], { body, num_scan_inputs: 1 }, 'rows')],
    initializers: [floats('w', [16, 16]), floats('bias', [16]), floats('zero', [], [0])],
  });
}

const feedsOf = (m: Model, n = 4): Feeds[] =>
  Array.from({ length: n }, (_, i) => {
    const feeds = randomFeeds(m, i + 1, 2);
    if (feeds.c) feeds.c = bool(i % 2 === 0);
    return feeds;
  });

describe('layers inside bodies, in dynamic mode', () => {
  it('of both branches of an If, with a weight from outside written once', async () => {
    const { look, units, executed, model: written } = await dynamic(choice());
    expect(units.map((u) => [u.unit.name, u.integer])).toEqual(
      expect.arrayContaining([
        ['outer', true],
        ['if/then/mm', true],
        ['if/else/mm', true],
      ]),
    );
    for (const name of ['outer', 'if/then/mm', 'if/else/mm'])
      expect([name, executed.get(name)?.kernel]).toEqual([name, 'DynamicQuantizeMatMul']);
    const codes = written.graph.initializer.filter((t) => t.dims.join() === '32,32');
    expect(codes.map((t) => [t.name, t.dataType])).toEqual([['w_quantized', 3]]);
    const local = bodiesOf(written.graph).flatMap((b) => b.graph.initializer);
    expect(local.filter((t) => t.rawData.length >= 64)).toEqual([]);
    expect(await closeness(choice(), written, feedsOf(choice()))).toBeGreaterThan(30);
    const layers = summarizeLayers({ ...look, prepared: look.model });
    expect(layers.find((l) => l.name === 'if/else/mm')).toMatchObject({
      kind: 'MatMul 32→32',
      macs: 2048,
      parameters: 1024,
      weight: { tensor: 'w' },
    });
  });

  it('of a Loop, with weights from both sides', async () => {
    const { look, units, executed, model: written } = await dynamic(loop());
    const names = ['steps/a', 'steps/b'];
    expect(units.filter((u) => u.integer).map((u) => u.unit.name)).toEqual(names);
    for (const name of names) expect(executed.get(name)?.precision).toBe('int8');
    expect(await closeness(loop(), written, feedsOf(loop()))).toBeGreaterThan(25);
    const layers = summarizeLayers({ ...look, prepared: look.model });
    expect(layers.find((l) => l.name === 'steps/a')?.macs).toBeNull(); // its turns are not known
  });

  it('of an If inside a Scan', async () => {
    const { look, units, executed, model: written } = await dynamic(scan());
    const names = ['rows/either/then/t', 'rows/either/else/e'];
    expect(units.filter((u) => u.integer).map((u) => u.unit.name)).toEqual(names);
    for (const name of names) expect(executed.get(name)?.precision).toBe('int8');
    expect(await closeness(scan(), written, feedsOf(scan()))).toBeGreaterThan(30);
    const layers = summarizeLayers({ ...look, prepared: look.model });
    expect(layers.find((l) => l.name === names[0])?.macs).toBe(7 * 256);
  });

  it('stay float where they are kept', async () => {
    const { units, executed, model: written } = await dynamic(choice(), ['if/then/mm', 'outer']);
    expect(units.filter((u) => u.integer).map((u) => u.unit.name)).toEqual(['if/else/mm']);
    expect(executed.get('if/then/mm')?.precision).toBe('float32');
    expect(await closeness(choice(), written, feedsOf(choice()))).toBeGreaterThan(30);
  });
});

describe('layers inside bodies, in static mode', () => {
  it.each([
    ['If', choice, 'if/then/mm'],
    ['Loop', loop, 'steps/b'],
  ])('of %s stay float, with the reason', async (type, make, layer) => {
    const source = make();
    const look = lookAtPrepared(source, await prepare(source));
    const { units } = place(look.model, look.units, { keep: new Set() }, () => 'float32');
    const found = units.find((u) => u.unit.name === layer);
    expect(found?.integer).toBe(false);
    expect(found?.reason).toContain(
      `inside the body of ${type} '${layer.replace(/\/[^/]*$/, '')}'`,
    );
  });
});

describe('an If whose condition is constant', () => {
  const decided = (value: number, build = 'then_branch') =>
    model({
      inputs: { x: [2, 32] },
      outputs: { y: [2, 32] },
      nodes: [
        op('Constant', [], ['k'], { value_int: value }),
        op('Cast', ['k'], ['c'], { to: 9 }),
        op('Relu', ['x'], ['h']),
        op(
          'If',
          ['c'],
          ['y', 'other'],
          {
            [build]: graph({
              outputs: { t: null, same: null },
              nodes: [
                op('MatMul', ['x', 'w'], ['g']),
                op('Add', ['g', 'b'], ['t']),
                op('Identity', ['x'], ['same']),
              ],
              initializers: [floats('b', [32])],
            }),
            [build === 'then_branch' ? 'else_branch' : 'then_branch']: graph({
              outputs: { t: null, n: null },
              nodes: [op('Neg', ['h'], ['t']), op('Abs', ['h'], ['n'])],
            }),
          },
          'if',
        ),
      ],
      initializers: [floats('w', [32, 32])],
    });

  it.each([
    [1, 'then_branch'],
    [0, 'then_branch'],
    [0, 'else_branch'],
  ])('of %i is written out, its %s weighing most', async (value, build) => {
    const source = decided(value, build);
    const { model: prepared, context } = await prepare(source);
    expect(prepared.graph.node.some((n) => n.opType === 'If')).toBe(false);
    const feeds = randomFeeds(source, 3, 2);
    const want = await runModel(source, feeds);
    expect(difference((await runModel(prepared, feeds)).y, want.y!)).toBeNull();
    expect(prepared.graph.node.map((n) => n.name)).toContain(context.hostOf('if'));
  });
});
