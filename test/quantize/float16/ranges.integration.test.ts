/** What calibration and constants keep in float32, with the runtime's own infinities and NaN as the second opinion. */
import { describe, expect, it } from 'vitest';
import type { Feed, Model } from '../../../src/onnx';
import { inferShapes } from '../../../src/onnx/shapes';
import { calibrate } from '../../../src/quantize/calibrate';
import { PassContext } from '../../../src/quantize/context';
import { quantizeFloat16, withRounding } from '../../../src/quantize/float16';
import { wideTensors } from '../../../src/quantize/float16/activations';
import { convertToFloat16 } from '../../../src/quantize/float16/convert';
import { longSums } from '../../../src/quantize/float16/sums';
import { listUnits } from '../../../src/quantize/units';
import { float, GraphBuilder, randomValues } from '../../lib/graph';
import { each } from '../../lib/quantize';
import { output, randomFeeds, relativeDifference, value } from '../../lib/runtime';

async function statisticsOf(model: Model, feeds: readonly Feed[]) {
  const types = inferShapes(model);
  const floats = [...types].filter(([, t]) => t.type === 'float32').map(([name]) => name);
  const constants = new Set(model.graph.initializer.map((t) => t.name));
  const tensors = floats.filter((name) => !constants.has(name));
  return { types, statistics: await calibrate(model, tensors, each(feeds)) };
}

/** The float16 model with and without what calibration says. */
async function both(model: Model, feeds: readonly Feed[]) {
  const { types, statistics } = await statisticsOf(model, feeds);
  const units = listUnits(model, new PassContext(), (t) => types.get(t)?.type);
  const settings = { keepIo: true, cuda: false, keep: new Set<string>() };
  const careful = quantizeFloat16(model, units, types, { ...settings, statistics });
  const blind = quantizeFloat16(model, units, types, { ...settings, statistics: null });
  return { careful, blind, wide: wideTensors(model, statistics, types) };
}

const reasons = ({ units }: { units: { unit: { name: string }; integer: boolean }[] }) =>
  units.filter((u) => !u.integer).map((u) => u.unit.name);

/** Values reach a million in the middle and come back. */
function overflowing(): Model {
  const g = new GraphBuilder();
  g.node('up', 'MatMul', [
    g.input('x', [1, 4]),
    g.constant('a', [4, 4], randomValues(16, 'a', 300, 900)),
  ]);
  g.node('relu', 'Relu', ['up_out']);
  g.node('square', 'Mul', ['relu_out', 'relu_out']);
  g.node('down', 'MatMul', [
    'square_out',
    g.constant('b', [4, 2], randomValues(8, 'b', 1e-4, 2e-4)),
  ]);
  g.node('sigmoid', 'Sigmoid', ['down_out']);
  return g.output('sigmoid_out').build();
}

describe('activations beyond 65504', () => {
  it('are kept float32 by the rules, and infinite without them', async () => {
    const before = overflowing();
    const feeds = randomFeeds(before, 8, 0.5, 1);
    const { careful, blind, wide } = await both(before, feeds);
    expect([...wide].map(([name, why]) => `${name} ${why.code}`)).toEqual(['square_out range']);
    expect(wide.get('square_out')!.value).toBeGreaterThan(65504);
    expect(reasons(careful)).toEqual(['square', 'down']);
    expect(reasons(blind)).toEqual([]);
    expect(blind.notes.map((n) => n.code)).toContain('float16-ranges-unchecked');
    const exact = await output(before, feeds[0]!);
    const good = await output(withRounding(careful.model), feeds[0]!);
    expect(relativeDifference(good, exact)).toBeLessThan(2e-3);
    // the second opinion: every value rounded, the product really overflows
    const g = blind.model.copy();
    g.graph.output[0]!.name = 'square_out';
    g.graph.output[0]!.type = undefined;
    const bits = await output(withRounding(g), feeds[0]!);
    expect([...bits]).toContain(0x7c00);
  });

  it('leave a margin: half of the range is the limit', async () => {
    const g = new GraphBuilder();
    g.node('a', 'Mul', [g.input('x', [2]), g.constant('c', [], [2])]);
    g.node('b', 'Relu', ['a_out'], {}, ['y']);
    const before = g.output('y').build();
    const limit = async (x: number) => {
      const { types, statistics } = await statisticsOf(before, [{ x: value([2], [x, 1]) }]);
      return [...wideTensors(before, statistics, types).keys()];
    };
    expect(await limit(16000)).toEqual([]);
    expect(await limit(16400)).toEqual(['a_out', 'y']);
    expect(await limit(-16400)).toEqual(['a_out']);
  });

  it('do not count where they are infinite: a mask of −∞ is the same in both types', async () => {
    const g = new GraphBuilder();
    g.node('mask', 'Add', [g.input('x', [1, 3]), g.constant('m', [3], [0, -Infinity, 0])]);
    g.node('softmax', 'Softmax', ['mask_out'], { axis: -1 }, ['y']);
    const before = g.output('y').build();
    const feeds = randomFeeds(before, 2);
    const { careful, blind } = await both(before, feeds);
    expect([reasons(careful), reasons(blind)]).toEqual([[], []]);
    const exact = await output(before, feeds[0]!);
    expect(
      relativeDifference(await output(withRounding(careful.model), feeds[0]!), exact),
    ).toBeLessThan(1e-3);
  });

  it('of a mask of −10⁹ keep what adds it and the Softmax, measured or not', async () => {
    const g = new GraphBuilder();
    g.node('scores', 'Mul', [g.input('x', [2, 3]), g.constant('k', [], [3])]);
    g.node('mask', 'Add', ['scores_out', g.constant('m', [2, 3], [0, -1e9, 0, -1e9, -1e9, -1e9])]);
    g.node('softmax', 'Softmax', ['mask_out'], { axis: -1 });
    g.node('after', 'Mul', ['softmax_out', 'softmax_out'], {}, ['y']);
    const before = g.output('y').build();
    const feeds = randomFeeds(before, 2);
    const { careful, blind } = await both(before, feeds);
    expect(reasons(careful)).toEqual(['mask', 'softmax']);
    expect(reasons(blind)).toEqual(['mask', 'softmax']);
    const exact = await output(before, feeds[0]!);
    for (const { model } of [careful, blind])
      expect(relativeDifference(await output(withRounding(model), feeds[0]!), exact)).toBeLessThan(
        3e-3,
      );
    // without the rule the row that is masked as a whole is NaN
    const bad = convertToFloat16(before, { keepIo: true, measured: new Set(['mask_out']) });
    const forced = bad.model.copy();
    expect(bad.nodes.get('softmax')!.form).toBe('half');
    expect([...(await output(withRounding(forced), feeds[0]!))].some(Number.isNaN)).toBe(true);
  });
});

describe('values near zero', () => {
  it('keep a tensor float32 where float16 is coarse', async () => {
    const g = new GraphBuilder();
    g.node('tiny', 'Mul', [g.input('x', [64]), g.constant('c', [], [1e-6])]);
    g.node('big', 'Mul', ['tiny_out', g.constant('d', [], [6e4])], {}, ['y']);
    const before = g.output('y').build();
    const feeds = randomFeeds(before, 4);
    const { careful, blind, wide } = await both(before, feeds);
    expect(wide.get('tiny_out')).toMatchObject({ code: 'small' });
    expect(reasons(careful)).toEqual(['tiny', 'big']);
    const exact = await output(before, feeds[0]!);
    expect(
      relativeDifference(await output(withRounding(careful.model), feeds[0]!), exact),
    ).toBeLessThan(1e-5);
    const off = relativeDifference(await output(withRounding(blind.model), feeds[0]!), exact);
    expect(off).toBeGreaterThan(0.01);
  });

  it('keep a divisor from becoming zero, by what was seen and by the epsilon', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', [2, 4]);
    g.node('square', 'Mul', [x, x]);
    g.node('mean', 'ReduceMean', ['square_out'], { axes: [-1] });
    g.node('eps', 'Add', ['mean_out', g.constant('e', [], [1e-12])]);
    g.node('root', 'Sqrt', ['eps_out']);
    g.node('norm', 'Div', [x, 'root_out'], {}, ['y']);
    const before = g.output('y').build();
    // one row is all zero: only the epsilon keeps its divisor from zero
    const feeds = [{ x: value([2, 4], [1, 2, 3, 4, 0, 0, 0, 0]) }];
    const { blind } = await both(before, feeds);
    expect(reasons(blind)).toEqual(['eps', 'root']);
    const exact = await output(before, feeds[0]!);
    expect(exact.every(Number.isFinite)).toBe(true);
    expect(
      relativeDifference(await output(withRounding(blind.model), feeds[0]!), exact),
    ).toBeLessThan(2e-3);
  });

  it('of weights keep their layer', async () => {
    const g = new GraphBuilder();
    g.node('a', 'MatMul', [
      g.input('x', [1, 8]),
      g.constant('w', [8, 8], randomValues(64, 'w', -2e-7, 2e-7)),
    ]);
    g.node('b', 'MatMul', ['a_out', g.random('v', [8, 8], 1e-3)], {}, ['y']);
    const before = g.output('y').build();
    const { blind } = await both(before, randomFeeds(before, 2));
    expect(reasons(blind)).toEqual(['a']);
    expect(blind.units[0]!.reason).toContain("'w'");
  });
});

describe('long sums', () => {
  const sumsOf = async (model: Model, low = -1, high = 1) => {
    const { statistics } = await statisticsOf(model, randomFeeds(model, 4, low, high));
    return Object.fromEntries([...longSums(model, statistics)].map(([n, r]) => [n, r.value!]));
  };

  it('are foretold from root mean squares', async () => {
    const g = new GraphBuilder(18);
    g.input('x', [1, 4, 64, 64]);
    g.node('norm', 'InstanceNormalization', ['x', g.random('s', [4]), g.random('o', [4])]);
    g.node('pool', 'GlobalAveragePool', ['x']);
    g.node('square', 'ReduceSumSquare', ['x', g.ints('axes', [2, 3])], { keepdims: 0 });
    g.node('conv', 'Conv', ['x', g.constant('w', [1, 4, 3, 3], randomValues(36, 'w', 49, 51))]);
    const before = g.output('norm_out', 'pool_out', 'square_out', 'conv_out').build();
    expect(await sumsOf(before)).toEqual({});
    const sums = await sumsOf(before, 40, 50);
    // 4096 values of about 45, their squares, and 36 products with about 50
    expect(Object.keys(sums)).toEqual(['norm', 'pool', 'square', 'conv']);
    expect(sums['pool']! / (4096 * 45.1)).toBeCloseTo(1, 2);
    expect(sums['norm']! / (4096 * 45.1 ** 2)).toBeCloseTo(1, 2);
    expect(sums['square']).toBe(sums['norm']);
    expect(sums['conv']! / (36 * 45.1 * 50)).toBeCloseTo(1, 1);
  });

  it('of LayerNormalization are float32 by its definition', async () => {
    const g = new GraphBuilder(17);
    g.node(
      'norm',
      'LayerNormalization',
      [g.input('x', [4, 1024]), g.random('s', [1024])],
      { epsilon: float(1e-5) },
      ['y'],
    );
    const before = g.output('y').build();
    expect(await sumsOf(before, 400, 500)).toEqual({});
  });

  it('of two computed sides', async () => {
    const g = new GraphBuilder();
    g.node('product', 'MatMul', [g.input('a', [2, 512]), g.input('b', [512, 2])], {}, ['y']);
    const before = g.output('y').build();
    expect(await sumsOf(before)).toEqual({});
    const { product } = await sumsOf(before, 11, 13);
    expect(product! / (512 * 144)).toBeCloseTo(1, 1);
  });
});

describe('integers', () => {
  it('above 2048 are no halves', async () => {
    const g = new GraphBuilder();
    g.node('cast', 'Cast', [g.input('i', [2], 'int64')], { to: 1 });
    g.node('mul', 'Mul', ['cast_out', g.constant('c', [], [0.001])], {}, ['y']);
    const before = g.output('y').build();
    const feed = (x: bigint): Feed => ({
      i: { type: 'int64', dims: [2], data: BigInt64Array.of(x, 1n) },
    });
    const wide = async (x: bigint) => {
      const { types, statistics } = await statisticsOf(before, [feed(x)]);
      return [...wideTensors(before, statistics, types)].map(([n, r]) => `${n} ${r.code}`);
    };
    expect(await wide(2048n)).toEqual([]);
    expect(await wide(2049n)).toEqual(['cast_out integers']);
  });
});
