/** LSTM, GRU and RNN in static and dynamic INT8: what is written, what the runtime executes, and how close it stays. */
import { describe, expect, it, test } from 'vitest';
import { executedKernels } from '../../../src/analyze/executed';
import { localErrors } from '../../../src/analyze/layer-errors';
import { sqnrDb } from '../../../src/numeric';
import { makeFloats, makeStrings, serializeModel, type Model } from '../../../src/onnx';
import { flawsOf } from '../../../src/onnx/check-written';
import { quantizeDynamic } from '../../../src/quantize/dynamic';
import { onlyThisModel, type ExperimentSettings } from '../../../src/quantize/experiments';
import { prepare } from '../../../src/quantize/prepare';
import { listUnits } from '../../../src/quantize/units';
import { optimizedGraph } from '../../../src/runtime/optimized';
import { float, GraphBuilder } from '../../lib/graph';
import { CLIPS, WEIGHT_BITS } from '../../lib/machine';
import { each, executed, quantize, type QuantizedModel } from '../../lib/quantize';
import { outputs, randomFeed, randomFeeds } from '../../lib/runtime';

type Op = 'LSTM' | 'GRU' | 'RNN';
const GATES = { LSTM: 4, GRU: 3, RNN: 1 };
const [IN, HIDDEN] = [20, 32];

interface Options {
  direction?: 'forward' | 'reverse' | 'bidirectional';
  steps?: number | string;
  initial?: boolean;
  layout?: 0 | 1;
  attributes?: Parameters<GraphBuilder['node']>[3];
  names?: string[];
}

function layer(op: Op, options: Options = {}): Model {
  const { direction = 'forward', steps = 12, initial = false, layout = 0 } = options;
  const d = direction === 'bidirectional' ? 2 : 1;
  const rows = GATES[op] * HIDDEN;
  const g = new GraphBuilder(14);
  const inputs = [
    g.input('x', layout ? [2, steps, IN] : [steps, 2, IN]),
    g.random('w', [d, rows, IN], 0.3),
    g.random('r', [d, rows, HIDDEN], 0.3),
    g.random('b', [d, 2 * rows], 0.2),
  ];
  const state = layout ? [2, d, HIDDEN] : [d, 2, HIDDEN];
  if (initial) inputs.push('', g.input('h0', state));
  if (initial && op === 'LSTM') inputs.push(g.input('c0', state));
  const names = options.names ?? (op === 'LSTM' ? ['y', 'h', 'c'] : ['y', 'h']);
  const attributes = { hidden_size: HIDDEN, direction, layout, ...options.attributes };
  g.node('cell', op, inputs, attributes, names);
  return g.output(...names.filter((n) => n !== '')).build();
}

/** The lowest SQNR of all outputs. */
async function closeness(written: Model, exact: Model, feed = randomFeed(exact)): Promise<number> {
  const [a, b] = [await outputs(written, feed), await outputs(exact, feed)];
  const each = Object.entries(b).map(([name, { data, dims }]) => {
    expect(a[name]!.dims, name).toEqual(dims);
    const x = data as Float32Array;
    const got = a[name]!.data as Float32Array;
    return sqnrDb(
      x.reduce((s, v) => s + v * v, 0),
      x.reduce((s, v, i) => s + (v - got[i]!) ** 2, 0),
    );
  });
  return Math.min(...each);
}

const CASES: [string, Op, Options][] = (['LSTM', 'GRU', 'RNN'] as const).flatMap(
  (op): [string, Op, Options][] => [
    [`${op}`, op, {}],
    [`${op} both ways`, op, { direction: 'bidirectional' }],
    [`${op} backwards with a first state`, op, { direction: 'reverse', initial: true }],
    [`${op} of one step`, op, { steps: 1, initial: true }],
    [`${op} of any length`, op, { steps: 'T' }],
    [`${op} of which the last state is read`, op, { names: ['', 'h'] }],
    [`${op} with clip`, op, { attributes: { clip: float(1.5) } }],
  ],
);
CASES.push(
  ['GRU that resets after it', 'GRU', { attributes: { linear_before_reset: 1 } }],
  ['LSTM with coupled gates', 'LSTM', { attributes: { input_forget: 1 } }],
  [
    'LSTM with other activations',
    'LSTM',
    {
      attributes: {
        activations: makeStrings('', ['HardSigmoid', 'Softsign', 'ScaledTanh']),
        activation_alpha: makeFloats('', [0.25, 1.2]),
        activation_beta: makeFloats('', [0.5, 0.8]),
      },
    },
  ],
);

describe('static', () => {
  it.each(CASES)('%s', async (_, op, options) => {
    const model = layer(op, options);
    const ready = await quantize(model, { feeds: randomFeeds(model, 8) });
    expect(ready.placement.units).toMatchObject([{ integer: true, precision: 'mixed' }]);
    expect(flawsOf(ready.model, model)).toEqual([]);
    const { of } = await executed(ready);
    expect(of('cell')).toEqual({
      precision: 'mixed',
      kernel: 'MatMulIntegerToFloat',
      integerShare: 1,
    });
    expect(await closeness(ready.model, model)).toBeGreaterThan(28);
  });

  test('a kept one stays the operator that it is', async () => {
    const model = layer('LSTM');
    const ready = await quantize(model, { keep: ['cell'] });
    expect(ready.model.graph.node.map((n) => n.opType)).toEqual(['LSTM']);
    const { of } = await executed(ready);
    expect(of('cell').precision).toBe('float32');
  });

  test.each<[string, string, () => Model]>([
    ['peepholes', 'peepholes', peepholes],
    ['computed weights', 'computed', computedWeights],
  ])('%s stay float, with the reason', async (_, part, build) => {
    const { placement } = await quantize(build());
    expect(placement.units.find((u) => u.unit.name === 'cell')).toMatchObject({ integer: false });
    expect(placement.units.find((u) => u.unit.name === 'cell')!.reason).toContain(part);
  });

  test('errors of the layer alone, beside the exact one and in its place', async () => {
    const model = layer('GRU', { initial: true });
    const ready = await quantize(model, { feeds: randomFeeds(model, 4) });
    const settings = settingsOf(ready);
    const { prepared, placement, feeds } = ready;
    const local = await localErrors(prepared, placement.units, settings, each(feeds));
    expect(local.get('cell')!.closeness.sqnrDb).toBeGreaterThan(28);
    const only = onlyThisModel(prepared, placement.units[0]!.unit, settings);
    expect(await closeness(only, ready.model)).toBeGreaterThan(100); // the only layer: the same numbers
  });
});

/** Weights with headroom everywhere; those without where sums of pairs do not clip. */
describe.each(CLIPS ? [true] : [false, true])('dynamic, with headroom: %s', (headroom) => {
  it.each(CASES)('%s', async (_, op, options) => {
    const model = layer(op, options);
    const { model: prepared, context } = await prepare(model);
    const units = listUnits(prepared, context, () => 'float32');
    const keep = new Set<string>();
    const dynamic = quantizeDynamic(prepared, units, keep, 'channel', headroom);
    const { model: written, units: placed } = dynamic;
    expect(placed).toMatchObject([{ integer: true, reason: null }]);
    expect(flawsOf(written, model)).toEqual([]);
    const optimized = await optimizedGraph(serializeModel(written));
    const kernel = executedKernels(optimized, units, prepared).get('cell')!;
    if (op === 'LSTM') expect(kernel.kernel).toBe('DynamicQuantizeLSTM');
    else
      expect(kernel).toEqual({
        precision: 'mixed',
        kernel: headroom ? 'DynamicQuantizeMatMul' : 'DynamicQuantizeMatMul + MatMulNBits',
        integerShare: 1,
      });
    expect(await closeness(written, model)).toBeGreaterThan(28);
  });
});

describe('dynamic', () => {
  test('a whole batch and processors without VNNI multiply with DynamicQuantizeMatMul', async () => {
    const g = new GraphBuilder(14);
    const inputs = [
      g.input('x', [5, 4, IN]),
      g.random('w', [1, 3 * HIDDEN, IN], 0.3),
      g.random('r', [1, 3 * HIDDEN, HIDDEN], 0.3),
    ];
    g.node('cell', 'GRU', inputs, { hidden_size: HIDDEN }, ['y']);
    const batch = g.output('y').build();
    const { model: prepared, context } = await prepare(batch);
    const units = listUnits(prepared, context, () => 'float32');
    for (const [model, headroom] of [
      [prepared, false],
      [(await prepare(layer('GRU'))).model, true],
    ] as const) {
      const { model: written } = quantizeDynamic(model, units, new Set(), 'channel', headroom);
      const optimized = await optimizedGraph(serializeModel(written));
      const kernel = executedKernels(optimized, units, prepared).get('cell')!;
      expect(kernel.kernel).toBe('DynamicQuantizeMatMul');
    }
  });
});

function settingsOf({ params }: QuantizedModel): ExperimentSettings {
  return {
    paramsOf: (tensor) => params.get(tensor)!,
    activationType: 'uint8',
    weightSettings: () => ({ granularity: 'channel', bits: WEIGHT_BITS }),
  };
}

function peepholes(): Model {
  const g = new GraphBuilder(14);
  const inputs = [
    g.input('x', [3, 1, IN]),
    g.random('w', [1, 4 * HIDDEN, IN], 0.3),
    g.random('r', [1, 4 * HIDDEN, HIDDEN], 0.3),
    ...['', '', '', ''],
    g.random('p', [1, 3 * HIDDEN], 0.3),
  ];
  g.node('cell', 'LSTM', inputs, { hidden_size: HIDDEN }, ['y']);
  return g.output('y').build();
}

function computedWeights(): Model {
  const g = new GraphBuilder(14);
  const w = g.node('abs', 'Abs', [g.input('w', [1, 3 * HIDDEN, IN])]);
  const inputs = [g.input('x', [3, 1, IN]), w, g.random('r', [1, 3 * HIDDEN, HIDDEN], 0.3)];
  g.node('cell', 'GRU', inputs, { hidden_size: HIDDEN }, ['y']);
  return g.output('y').build();
}
