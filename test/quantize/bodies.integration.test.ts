/** Layers inside If, Loop and Scan: named, quantized, and run as written. */
import { create } from '@bufbuild/protobuf';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { executedKernels } from '../../src/analyze/executed';
import { lookAtPrepared } from '../../src/analyze/look';
import { summarizeLayers } from '../../src/analyze/layers';
import { chooseParams, ClosenessAccumulator } from '../../src/numeric';
import {
  bodiesOf,
  makeValueInfo,
  serializeModel,
  type Model,
  type TensorValue,
} from '../../src/onnx';
import { TypeProto_SequenceSchema } from '../../src/onnx/gen/onnx_pb';
import { flawsOf } from '../../src/onnx/check-written';
import { validateModel } from '../../src/onnx/validate';
import { quantizeGraphs } from '../../src/quantize/bodies';
import { quantizeDynamic } from '../../src/quantize/dynamic';
import { calibrate, type Statistics } from '../../src/quantize/calibrate';
import { everyRoot } from '../../src/quantize/place-bodies';
import { placeFor } from '../../src/quantize/place-for';
import type { Placement } from '../../src/quantize/placement';
import { prepare } from '../../src/quantize/prepare';
import { writeQdq } from '../../src/quantize/qdq';
import type { TypeOf } from '../../src/quantize/units';
import { writeBodies } from '../../src/quantize/write-bodies';
import { optimizedGraph } from '../../src/runtime/optimized';
import { branch, choice, loop, scan } from '../lib/bodies';
import { each } from '../lib/quantize';
import { floats, graph, ints, model, op } from '../onnx/build';
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

/** Static INT8 with min-max ranges, as jobs write it. */
async function fixed(source: Model, feeds: Feeds[], keep: string[] = []) {
  validateModel(source);
  const look = lookAtPrepared(source, await prepare(source));
  const { model: prepared, units, bodyShapes } = look;
  const types = new Map([...bodyShapes.values()].flatMap((m) => [...m]));
  const typeOf: TypeOf = (tensor) => types.get(tensor)?.type;
  const placement = placeFor('cpu', prepared, units, { keep: new Set(keep) }, typeOf);
  const tensors = [
    ...everyRoot(placement).values(),
    ...units.flatMap((u) => [...u.inputs, u.output]),
  ];
  const samples = feeds.map((feed) => Object.fromEntries(Object.entries(feed).map(plainValue)));
  const statistics = await calibrate(prepared, [...new Set(tensors)], each(samples));
  const paramsOf = (tensor: string) => {
    const { min, max } = statistics.get(tensor)!;
    return chooseParams(min, max, 'uint8');
  };
  const write = (view: Model, placed: Placement) =>
    writeQdq(view, placed, paramsOf, { type: 'uint8' }, () => ({
      granularity: 'channel',
      bits: 8,
    }));
  const main = placement.units.filter((u) => !u.unit.body);
  const written = write(prepared, { ...placement, units: main });
  await writeBodies(written, placement, write);
  expect(flawsOf(written.model, source)).toEqual([]);
  const optimized = await optimizedGraph(serializeModel(written.model));
  const executed = executedKernels(optimized, units, prepared);
  return { look, model: written.model, units: placement.units, statistics, executed };
}

const plainValue = ([name, { type, dims, data }]: [string, ort.Tensor]): [string, TensorValue] => [
  name,
  { type: type, dims, data: data as TensorValue['data'] },
];

/** Extremes of each tensor over everything that unrolled copies of a body give. */
function expectRange(statistics: Statistics, tensor: string, values: readonly Float32Array[]) {
  const found = statistics.get(tensor)!;
  const all = values.flatMap((v) => [...v]);
  expect([tensor, found.moments.count]).toEqual([tensor, all.length]);
  expect(found.min).toBeCloseTo(Math.min(...all), 5);
  expect(found.max).toBeCloseTo(Math.max(...all), 5);
}

describe('layers inside bodies, in static mode', () => {
  it('of both branches of an If have ranges from the samples that took them', async () => {
    const feeds = feedsOf(choice());
    const { look, units, statistics, executed, model: written } = await fixed(choice(), feeds);
    const names = ['outer', 'if/then/mm', 'if/else/mm'];
    expect(units.filter((u) => u.integer).map((u) => u.unit.name)).toEqual(names);
    for (const name of names) expect([name, executed.get(name)?.precision]).toEqual([name, 'int8']);
    expect(statistics.get('n')!.positions).toEqual([1, 3]);
    expectRange(
      statistics,
      'n',
      [1, 3].map((i) => (feeds[i]!.x!.data as Float32Array).map((v) => -v)),
    );
    const codes = written.graph.initializer.filter((t) => t.dims.join() === '32,32');
    expect(codes.map((t) => [t.name, t.dataType])).toEqual([['w_quantized', 3]]);
    expect(look.units.map((u) => u.output)).toContain('if/else/t'); // both branches write `t`
    expect(await closeness(choice(), written, feeds)).toBeGreaterThan(30);
  });

  it('of a Loop have ranges of all its turns', async () => {
    const feeds = feedsOf(loop());
    const { units, statistics, executed, model: written } = await fixed(loop(), feeds);
    const names = ['steps/a', 'steps/b'];
    expect(units.filter((u) => u.integer).map((u) => u.unit.name)).toEqual(names);
    for (const name of names) expect([name, executed.get(name)?.precision]).toEqual([name, 'int8']);
    // the body gives each turn's state as `ys`; the state that a turn reads is the one before
    const given: Float32Array[] = [];
    for (const feed of feeds) {
      const ys = (await runModel(loop(), feed)).ys!.data as Float32Array;
      given.push(feed.h0!.data as Float32Array, ys.slice(0, 4 * 32));
    }
    expectRange(statistics, 'h', given);
    expect(statistics.get('h')!.positions).toEqual([0, 1, 2, 3]);
    expect(await closeness(loop(), written, feeds)).toBeGreaterThan(25);
  });

  it('of an If inside a Scan have ranges of the rows that took its branch', async () => {
    const feeds = feedsOf(scan());
    const { units, statistics, executed, model: written } = await fixed(scan(), feeds);
    const names = ['rows/either/then/t', 'rows/either/else/e'];
    expect(units.filter((u) => u.integer).map((u) => u.unit.name)).toEqual(names);
    for (const name of names) expect([name, executed.get(name)?.precision]).toEqual([name, 'int8']);
    const rows = feeds.flatMap(({ x }) =>
      Array.from({ length: 7 }, (_, r) => (x!.data as Float32Array).slice(r * 16, r * 16 + 16)),
    );
    expectRange(statistics, 'r1', rows);
    const ys: Float32Array[] = [];
    for (const feed of feeds) {
      const all = (await runModel(scan(), feed)).ys!.data as Float32Array;
      for (let r = 0; r < 7; r++) ys.push(all.slice(r * 16, r * 16 + 16));
    }
    const positive = ys.filter((_, i) => rows[i]!.reduce((a, b) => Math.fround(a + b), 0) > 0);
    expectRange(statistics, 't', positive);
    expect(await closeness(scan(), written, feeds)).toBeGreaterThan(25);
  });

  it('read what the main graph ships as codes', async () => {
    const source = behindConv();
    const feeds = feedsOf(source);
    const { units, executed, model: written } = await fixed(source, feeds);
    expect(units.filter((u) => u.integer).map((u) => u.unit.name)).toEqual([
      'conv',
      'if/then/inner',
    ]);
    expect(executed.get('if/then/inner')).toEqual({ precision: 'int8', kernel: 'QLinearConv' });
    expect(await closeness(source, written, feeds)).toBeGreaterThan(25);
  });

  it('stay float where they are kept, or no sample takes their branch', async () => {
    const feeds = feedsOf(choice()).filter((_, i) => i % 2 === 0);
    const kept = await fixed(choice(), feeds, ['if/then/mm', 'if/else/mm']);
    expect(kept.units.filter((u) => u.integer).map((u) => u.unit.name)).toEqual(['outer']);
    expect(kept.executed.get('if/then/mm')?.precision).toBe('float32');
    expect(kept.statistics.get('n')!.samples).toBe(0);
  });

  it('stay float in a Loop over a sequence, whose turns calibration cannot follow', async () => {
    const source = gathering();
    const look = lookAtPrepared(source, await prepare(source));
    const { units } = placeFor('cpu', look.model, look.units, { keep: new Set() }, () => undefined);
    const found = units.find((u) => u.unit.op === 'MatMul')!;
    expect(found.integer).toBe(false);
    expect(found.reason).toMatch(/inside Loop 'steps', which reads '.+': that is no tensor/);
  });
});

describe.each(['static', 'dynamic'])('a table that a branch reads, in mode %s', (mode) => {
  it.each(['main graph', 'branch'] as const)('becomes int8 from the %s', async (place) => {
    const source = rowsInBranch(place);
    const feeds = feedsOf(source);
    const { units, model: written } = await (mode === 'static'
      ? fixed(source, feeds)
      : dynamic(source));
    const table = units.find(({ unit }) => unit.op === 'Gather')!;
    expect([table.unit.name, table.integer, table.reason]).toEqual(['if/then/rows', true, null]);
    expect(await closeness(source, written, feeds)).toBeGreaterThan(35);
  });
});

/** Rows of a table in one branch. @param place of the table */
function rowsInBranch(place: 'main graph' | 'branch'): Model {
  const table = [floats('table', [200, 24]), ints('at', [7, 150])];
  return model({
    inputs: { x: [2, 24], c: { type: 'bool', shape: [] } },
    outputs: { y: null },
    nodes: [
      op('Relu', ['x'], ['h'], {}, 'relu'),
      op(
        'If',
        ['c'],
        ['y'],
        {
          then_branch: branch('t', {
            nodes: [op('Gather', ['table', 'at'], ['r'], {}, 'rows'), op('Add', ['r', 'h'], ['t'])],
            initializers: place === 'branch' ? table : [],
          }),
          else_branch: branch('e', { nodes: [op('Neg', ['h'], ['e'])] }),
        },
        'if',
      ),
    ],
    initializers: place === 'branch' ? [] : table,
  });
}

/** A convolution, and another behind it in a branch. */
function behindConv(): Model {
  return model({
    inputs: { x: [1, 3, 8, 8], c: { type: 'bool', shape: [] } },
    outputs: { y: null },
    nodes: [
      op('Conv', ['x', 'w'], ['h'], { pads: [1, 1, 1, 1] }, 'conv'),
      op(
        'If',
        ['c'],
        ['y'],
        {
          then_branch: branch('t', {
            nodes: [op('Conv', ['h', 'v'], ['t'], { pads: [1, 1, 1, 1] }, 'inner')],
          }),
          else_branch: branch('e', { nodes: [op('Neg', ['h'], ['e'])] }),
        },
        'if',
      ),
    ],
    initializers: [floats('w', [4, 3, 3, 3]), floats('v', [4, 4, 3, 3])],
  });
}

/** A Loop that collects a sequence. */
function gathering(): Model {
  const body = graph({
    inputs: { i: { type: 'int64', shape: [] }, go: { type: 'bool', shape: [] } },
    outputs: { still: { type: 'bool', shape: [] }, s2: null },
    nodes: [
      op('MatMul', ['x', 'w'], ['m']),
      op('SequenceInsert', ['s', 'm'], ['s2']),
      op('Identity', ['go'], ['still']),
    ],
  });
  const state = makeValueInfo('s', 'float32', null);
  const elemType = makeValueInfo('', 'float32', null).type!;
  const value = create(TypeProto_SequenceSchema, { elemType });
  state.type!.value = { case: 'sequenceType', value };
  body.input.push(state);
  return model({
    inputs: { x: [2, 16] },
    outputs: { y: null },
    nodes: [
      op('SequenceEmpty', [], ['s0']),
      op('Loop', ['n', '', 's0'], ['all'], { body }, 'steps'),
      op('ConcatFromSequence', ['all'], ['y'], { axis: 0 }),
    ],
    initializers: [ints('n', [5], []), floats('w', [16, 16])],
  });
}

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
