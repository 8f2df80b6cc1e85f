/** A cell taken apart in float computes what the runtime's own operator computes, whatever its attributes. */
import fc, { runs } from '../../lib/property';
import { expect, test } from 'vitest';
import {
  allNodes,
  GraphIndex,
  makeFloats,
  makeStrings,
  topologicalOrder,
  type AttributeProto,
  type Model,
} from '../../../src/onnx';
import { expandCell, floatProjection, readCell } from '../../../src/quantize/recurrent';
import { float, GraphBuilder, randomValues } from '../../lib/graph';
import { outputs, relativeDifference, value } from '../../lib/runtime';

type Op = 'LSTM' | 'GRU' | 'RNN';

interface Config {
  op: Op;
  direction: 'forward' | 'reverse' | 'bidirectional';
  steps: number;
  batch: number;
  inputs: number;
  hidden: number;
  bias: boolean;
  initialH: boolean;
  initialC: boolean;
  lens: boolean;
  clip: boolean;
  linearBeforeReset: boolean;
  inputForget: boolean;
  activations: string[] | null;
  fixedSteps: boolean;
  fixedBatch: boolean;
  wanted: boolean[];
  seed: number;
}

const GATES = { LSTM: 4, GRU: 3, RNN: 1 };
const EACH = { LSTM: 3, GRU: 2, RNN: 1 };
/** Gates outside of −1 … 1 would blow differences of rounding up from step to step. */
const BOUNDED = ['Tanh', 'Sigmoid', 'HardSigmoid', 'Softsign'];
const SMOOTH = ['Tanh', 'Sigmoid', 'HardSigmoid', 'Softsign', 'LeakyRelu', 'Elu', 'ScaledTanh'];

const config: fc.Arbitrary<Config> = fc.record({
  op: fc.constantFrom<Op>('LSTM', 'GRU', 'RNN'),
  direction: fc.constantFrom('forward' as const, 'reverse' as const, 'bidirectional' as const),
  steps: fc.integer({ min: 1, max: 7 }),
  batch: fc.integer({ min: 1, max: 3 }),
  inputs: fc.integer({ min: 1, max: 5 }),
  hidden: fc.integer({ min: 1, max: 6 }),
  bias: fc.boolean(),
  initialH: fc.boolean(),
  initialC: fc.boolean(),
  lens: fc.boolean(),
  clip: fc.boolean(),
  linearBeforeReset: fc.boolean(),
  inputForget: fc.boolean(),
  activations: fc.option(
    fc
      .tuple(fc.constantFrom(...BOUNDED), fc.constantFrom(...SMOOTH), fc.constantFrom(...SMOOTH))
      .map((names) => [...names]),
    { nil: null },
  ),
  fixedSteps: fc.boolean(),
  fixedBatch: fc.boolean(),
  wanted: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
  seed: fc.integer({ min: 1, max: 10_000 }),
});

function build(c: Config): Model {
  const b = new GraphBuilder(14);
  const directions = c.direction === 'bidirectional' ? 2 : 1;
  const rows = GATES[c.op] * c.hidden;
  const [steps, batch] = [c.fixedSteps ? c.steps : 'T', c.fixedBatch ? c.batch : 'N'];
  const random = (name: string, dims: number[]) =>
    b.constant(
      name,
      dims,
      randomValues(
        dims.reduce((x, y) => x * y, 1),
        `${name}${c.seed}`,
      ),
    );
  const state = [directions, batch, c.hidden];
  const inputs = [
    b.input('x', [steps, batch, c.inputs]),
    random('w', [directions, rows, c.inputs]),
    random('r', [directions, rows, c.hidden]),
    c.bias ? random('b', [directions, 2 * rows]) : '',
    c.lens ? b.input('lens', [batch], 'int32') : '',
    c.initialH ? b.input('h0', state) : '',
  ];
  if (c.op === 'LSTM' && c.initialC) inputs.push(b.input('c0', state));
  const count = c.op === 'LSTM' ? 3 : 2;
  const names: string[] = ['y', 'y_h', 'y_c'].slice(0, count).map((n, i) => (c.wanted[i] ? n : ''));
  if (!names.some((n) => n !== '')) names[1] = 'y_h';
  b.node(
    'cell',
    c.op,
    inputs,
    {
      hidden_size: c.hidden,
      direction: c.direction,
      ...(c.clip ? { clip: float(0.6) } : {}),
      ...(c.op === 'GRU' ? { linear_before_reset: Number(c.linearBeforeReset) } : {}),
      ...(c.op === 'LSTM' ? { input_forget: Number(c.inputForget) } : {}),
      ...activations(c, directions),
    },
    names,
  );
  b.output(...names.filter((n) => n !== ''));
  return b.build();
}

function activations(c: Config, directions: number): Record<string, AttributeProto> {
  if (!c.activations) return {};
  const all = Array.from({ length: directions }, () => c.activations!.slice(0, EACH[c.op])).flat();
  const alphas = all.flatMap((name, i) =>
    ['LeakyRelu', 'Elu', 'ScaledTanh', 'HardSigmoid'].includes(name) ? [0.3 + 0.1 * i] : [],
  );
  const betas = all.flatMap((name, i) =>
    ['ScaledTanh', 'HardSigmoid'].includes(name) ? [0.4 + 0.1 * i] : [],
  );
  return {
    activations: makeStrings('', all),
    activation_alpha: makeFloats('', alphas),
    activation_beta: makeFloats('', betas),
  };
}

function expanded(model: Model, c: Config): Model {
  const copy = model.copy();
  const index = new GraphIndex(copy.graph);
  const cell = readCell(index, copy.graph.node[0]!, null);
  if (typeof cell === 'string') throw new Error(cell);
  expandCell(index, cell, floatProjection, {
    steps: c.fixedSteps ? c.steps : null,
    batch: c.fixedBatch ? c.batch : null,
  });
  index.dropUnusedInitializers();
  copy.graph.node = topologicalOrder(copy.graph);
  return copy;
}

function feedOf(c: Config) {
  const directions = c.direction === 'bidirectional' ? 2 : 1;
  const state = [directions, c.batch, c.hidden];
  const x = [c.steps, c.batch, c.inputs];
  const random = (name: string, dims: number[]) =>
    value(
      dims,
      randomValues(
        dims.reduce((p, q) => p * q, 1),
        `feed ${name}${c.seed}`,
        -2,
        2,
      ),
    );
  const lens = Int32Array.from({ length: c.batch }, (_, i) => (c.seed + 3 * i) % (c.steps + 1));
  return {
    x: random('x', x),
    lens: { type: 'int32' as const, dims: [c.batch], data: lens },
    h0: random('h0', state),
    c0: random('c0', state),
  };
}

async function expectSame(c: Config) {
  const model = build(c);
  const feed = feedOf(c);
  const want = await outputs(model, feed);
  const apart = expanded(model, c);
  const ops = new Set([...allNodes(apart.graph)].map((n) => n.opType));
  expect(ops.has(c.op)).toBe(false);
  const got = await outputs(apart, feed);
  expect(Object.keys(got)).toEqual(Object.keys(want));
  for (const [name, { dims, data }] of Object.entries(want)) {
    expect(got[name]!.dims, name).toEqual(dims);
    const [a, b] = [got[name]!.data as Float32Array, data as Float32Array];
    const largest = Math.max(0, ...b.map(Math.abs));
    // gates are of size 1, and so is their rounding: a state that is small since 1 − z is so has it, too
    const allowed = largest > 0 ? 1e-5 * Math.max(1, 0.1 / largest) : 1e-6;
    expect(relativeDifference(a, b), name).toBeLessThan(allowed);
  }
}

test('equals the operator of the runtime for any attributes', async () => {
  await fc.assert(fc.asyncProperty(config, expectSame), {
    numRuns: runs(120),
  });
});
