/**
 * GRU and RNN in dynamic INT8 against the runtime's own operators. Of one sequence the input part of a step is the bias of its
 * kernel. Weights stand on the grid of 8 bits, so what differs is the rounding of inputs and states alone.
 */
import { describe, expect, it, test } from 'vitest';
import { sqnrDb } from '../../../src/numeric';
import { allNodes, GraphIndex, type Model } from '../../../src/onnx';
import { flawsOf } from '../../../src/onnx/check-written';
import { dequantizeModel } from '../../../src/quantize/dequantize';
import { quantizeDynamic } from '../../../src/quantize/dynamic';
import { prepare } from '../../../src/quantize/prepare';
import { listUnits } from '../../../src/quantize/units';
import { float, GraphBuilder, randomValues } from '../../lib/graph';
import { CLIPS } from '../../lib/machine';
import { outputs, randomFeed } from '../../lib/runtime';

type Op = 'GRU' | 'RNN';
type Attributes = NonNullable<Parameters<GraphBuilder['node']>[3]>;
const GATES = { GRU: 3, RNN: 1 };
const [IN, HIDDEN] = [20, 32];

interface Options {
  direction?: 'forward' | 'reverse' | 'bidirectional';
  steps?: number | string;
  batch?: number | string;
  lengths?: boolean;
  initial?: boolean;
  bias?: boolean;
  attributes?: Attributes;
}

/** Rows of codes / 512 whose largest code is 127: their scale is 1 / 512, and rounding changes nothing. */
function onGrid(name: string, rows: number, width: number): number[] {
  const values = Array.from(randomValues(rows * width, name, -127, 127), Math.round);
  for (let r = 0; r < rows; r++) values[r * width] = 127;
  return values.map((code) => code / 512);
}

function layer(op: Op, options: Options = {}): Model {
  const { direction = 'forward', steps = 9, batch = 1, bias = true } = options;
  const d = direction === 'bidirectional' ? 2 : 1;
  const rows = GATES[op] * HIDDEN;
  const g = new GraphBuilder(14);
  const inputs = [
    g.input('x', [steps, batch, IN]),
    g.constant('w', [d, rows, IN], onGrid('w', d * rows, IN)),
    g.constant('r', [d, rows, HIDDEN], onGrid('r', d * rows, HIDDEN)),
    bias ? g.random('b', [d, 2 * rows], 0.2) : '',
    options.lengths ? g.input('lens', [batch], 'int32') : '',
    options.initial ? g.input('h0', [d, batch, HIDDEN]) : '',
  ];
  const attributes = { hidden_size: HIDDEN, direction, ...options.attributes };
  g.node('cell', op, inputs, attributes, ['y', 'h']);
  return g.output('y', 'h').build();
}

async function dynamic(model: Model, headroom = false): Promise<Model> {
  const { model: prepared, context } = await prepare(model);
  const units = listUnits(prepared, context, () => 'float32');
  const written = quantizeDynamic(prepared, units, new Set(), 'channel', headroom);
  expect(written.units).toMatchObject([{ integer: true, reason: null }]);
  expect(flawsOf(written.model, model)).toEqual([]);
  return written.model;
}

/** Kernels of products that add a computed bias. */
function kernelsWithRows({ graph }: Model): string[] {
  const index = new GraphIndex(graph);
  const slots = { MatMulNBits: 5, DynamicQuantizeMatMul: 4 };
  return [...allNodes(graph)].flatMap(({ opType, input }) => {
    const bias = input[slots[opType as keyof typeof slots] ?? -1] ?? '';
    return bias !== '' && !index.isConstant(bias) ? [opType] : [];
  });
}

/** The lowest SQNR of both outputs. */
async function closeness(written: Model, exact: Model, feed = randomFeed(exact)) {
  const [a, b] = [await outputs(written, feed), await outputs(exact, feed)];
  const each = ['y', 'h'].map((name) => {
    expect(a[name]!.dims, name).toEqual(b[name]!.dims);
    const [got, x] = [a[name]!.data as Float32Array, b[name]!.data as Float32Array];
    return sqnrDb(
      x.reduce((s, v) => s + v * v, 0),
      x.reduce((s, v, i) => s + (v - got[i]!) ** 2, 0),
    );
  });
  return Math.min(...each);
}

/** Headroom widens the scales of the weights, which then leave their grid. */
const leastOf = (headroom: boolean) => (headroom ? 38 : 44);

const after: Attributes = { linear_before_reset: 1 };
const CASES: [string, Op, Options, number][] = [
  ['GRU', 'GRU', {}, 2],
  ['GRU that resets after it multiplies', 'GRU', { attributes: after }, 1],
  ['the same without a bias', 'GRU', { attributes: after, bias: false }, 1],
  ['the same both ways', 'GRU', { attributes: after, direction: 'bidirectional' }, 2],
  ['the same backwards', 'GRU', { attributes: after, direction: 'reverse', initial: true }, 1],
  ['the same of one step', 'GRU', { attributes: after, steps: 1, initial: true }, 1],
  ['the same of any length', 'GRU', { attributes: after, steps: 'T' }, 1],
  ['the same with clip', 'GRU', { attributes: { ...after, clip: float(0.5) } }, 1],
  ['RNN', 'RNN', {}, 1],
  ['RNN of one step', 'RNN', { steps: 1, initial: true }, 1],
];

describe('one sequence', () => {
  it.each(CASES)('%s', async (_, op, options, rows) => {
    const model = layer(op, options);
    for (const [headroom, kernel] of [
      [false, 'MatMulNBits'],
      [true, 'DynamicQuantizeMatMul'],
    ] as const) {
      const written = await dynamic(model, headroom);
      expect(kernelsWithRows(written)).toEqual(new Array(rows).fill(kernel));
      if (headroom || !CLIPS)
        expect(await closeness(written, model)).toBeGreaterThan(leastOf(headroom));
    }
  });

  it.each(['GRU', 'RNN'] as const)('%s that ends before its input', async (op) => {
    const model = layer(op, { lengths: true, attributes: op === 'GRU' ? after : {} });
    const feed = randomFeed(model);
    const lens = { type: 'int32' as const, dims: [1], data: Int32Array.of(5) };
    const written = await dynamic(model, CLIPS);
    expect(await closeness(written, model, { ...feed, lens })).toBeGreaterThan(leastOf(CLIPS));
  });

  test('comes back as float with its weights', async () => {
    const model = layer('GRU', { attributes: after });
    const { model: back } = await dequantizeModel(await dynamic(model));
    expect(await closeness(back, model)).toBeGreaterThan(90);
  });
});

test.each([3, 'N'])('a batch of %s adds the input part itself', async (batch) => {
  const model = layer('GRU', { batch, attributes: after });
  const written = await dynamic(model, CLIPS);
  expect(kernelsWithRows(written)).toEqual([]);
  const x = { ...randomFeed(model).x!, dims: [9, 3, IN] };
  const feed = { x: { ...x, data: randomValues(9 * 3 * IN, 'x', -1, 1) } };
  expect(await closeness(written, model, feed)).toBeGreaterThan(leastOf(CLIPS));
});
