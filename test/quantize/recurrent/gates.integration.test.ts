/** Gates have scales of their own, one for every row of weights, and no range: what leaves their products is float. */
import { describe, expect, it } from 'vitest';
import { tensorData, type Model } from '../../../src/onnx';
import { inferShapes } from '../../../src/onnx/shapes';
import { quantizeDynamic } from '../../../src/quantize/dynamic';
import { prepare } from '../../../src/quantize/prepare';
import { listUnits } from '../../../src/quantize/units';
import { constantOf, GraphBuilder, randomValues } from '../../lib/graph';
import { executed, quantize } from '../../lib/quantize';
import { randomFeeds } from '../../lib/runtime';

const [STEPS, IN, HIDDEN] = [10, 12, 8];
const GATES = { LSTM: 4, GRU: 3, RNN: 1 } as const;
type Op = keyof typeof GATES;

/** Weights of which each gate's are four times as large as those of the gate before. */
function layer(op: Op): Model {
  const rows = GATES[op] * HIDDEN;
  const weights = (name: string, columns: number) =>
    randomValues(rows * columns, name).map(
      (v, i) => v * 0.02 * 4 ** Math.floor(i / columns / HIDDEN),
    );
  const g = new GraphBuilder(14);
  const inputs = [
    g.input('x', [STEPS, 1, IN]),
    g.constant('w', [1, rows, IN], weights('w', IN)),
    g.constant('r', [1, rows, HIDDEN], weights('r', HIDDEN)),
  ];
  g.node('cell', op, inputs, { hidden_size: HIDDEN }, ['y']);
  return g.output('y').build();
}

/** The largest weight of every row of the input matrix. */
function largestOfRows(op: Op): number[] {
  const w = tensorData(constantOf(layer(op), 'w')) as Float32Array;
  return Array.from({ length: GATES[op] * HIDDEN }, (_, r) =>
    w.subarray(r * IN, (r + 1) * IN).reduce((most, v) => Math.max(most, Math.abs(v)), 0),
  );
}

async function dynamic(model: Model) {
  const { model: prepared, context } = await prepare(model);
  const shapes = inferShapes(prepared);
  const units = listUnits(prepared, context, (t) => shapes.get(t)?.type);
  return quantizeDynamic(prepared, units, new Set(), 'channel');
}

const sorted = (values: Iterable<number>) => [...values].sort((a, b) => a - b);

describe.each(['LSTM', 'GRU', 'RNN'] as const)('%s', (op) => {
  it('has a scale for every row of every gate, in static and dynamic mode', async () => {
    const model = layer(op);
    const still = await quantize(model, { feeds: randomFeeds(model, 4), bits: 8 });
    const moving = await dynamic(model);
    const wanted = sorted(largestOfRows(op).map((most) => Math.fround(most / 127)));
    for (const { weightScales } of [still, moving]) {
      const scales = sorted(weightScales.get('cell')!);
      expect(scales).toHaveLength(GATES[op] * HIDDEN);
      scales.forEach((scale, i) => expect(scale / wanted[i]!).toBeCloseTo(1, 5));
    }
  });

  it('rounds its input and its state alone: sums leave the products as floats', async () => {
    const model = layer(op);
    const still = await quantize(model, { feeds: randomFeeds(model, 4) });
    const { optimized } = await executed(still);
    const products = optimized.graph.node.filter((n) => n.opType === 'MatMulIntegerToFloat');
    expect(products.length).toBeGreaterThan(0);
    const rounded = new Set(
      optimized.graph.node.filter((n) => n.opType === 'QuantizeLinear').map((n) => n.input[0]!),
    );
    for (const { output } of products) {
      expect(rounded.has(output[0]!)).toBe(false);
    }
  });
});
