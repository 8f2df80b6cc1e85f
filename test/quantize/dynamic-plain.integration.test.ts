/** Dynamic quantization for the target `onnx`: ONNX's own operators alone, and the same numbers. */
import { describe, expect, it } from 'vitest';
import { executedKernels } from '../../src/analyze/executed';
import { allNodes, isDefaultDomain, serializeModel, type Model } from '../../src/onnx';
import { inferShapes } from '../../src/onnx/shapes';
import { quantizeDynamic } from '../../src/quantize/dynamic';
import { prepare } from '../../src/quantize/prepare';
import { listUnits } from '../../src/quantize/units';
import { optimizedGraph } from '../../src/runtime/optimized';
import { countOps, GraphBuilder } from '../lib/graph';
import { output, randomFeed, relativeDifference } from '../lib/runtime';

async function written(model: Model, plain: boolean) {
  const { model: prepared, context } = await prepare(model);
  const shapes = inferShapes(prepared);
  const units = listUnits(prepared, context, (t) => shapes.get(t)?.type);
  const result = quantizeDynamic(prepared, units, new Set(), 'channel', false, plain);
  const optimized = await optimizedGraph(serializeModel(result.model));
  return { ...result, executed: executedKernels(optimized, units, prepared) };
}

/** Two products of one input, one with a bias, and a Gemm behind them. */
function model(): Model {
  const g = new GraphBuilder();
  const x = g.input('x', [3, 8]);
  const q = g.node('q', 'MatMul', [x, g.random('wq', [8, 6])]);
  const k = g.node('k', 'MatMul', [x, g.random('wk', [8, 6])]);
  const biased = g.node('kb', 'Add', [k, g.random('bk', [6])]);
  const sum = g.node('sum', 'Mul', [q, biased]);
  const y = g.node('fc', 'Gemm', [sum, g.random('wf', [4, 6]), g.random('bf', [4])], { transB: 1 });
  return g.output(y).build();
}

describe('quantizeDynamic, plain', () => {
  it('writes no operator of the runtime’s own, and quantizes a tensor once', async () => {
    const { model: plain, units } = await written(model(), true);
    expect(units.filter((u) => u.integer).map((u) => u.unit.name)).toEqual(['q', 'k', 'fc']);
    expect([...allNodes(plain.graph)].every((n) => isDefaultDomain(n.domain))).toBe(true);
    expect(countOps(plain)).toEqual({
      DynamicQuantizeLinear: 2,
      MatMulInteger: 3,
      Cast: 3,
      Mul: 7,
      Add: 2,
    });
  });

  it('gives what the runtime’s own operator gives, in integers', async () => {
    const [plain, contrib] = [await written(model(), true), await written(model(), false)];
    const feed = randomFeed(model());
    const difference = relativeDifference(
      await output(plain.model, feed),
      await output(contrib.model, feed),
    );
    expect(difference).toBeLessThan(1e-6);
    expect([...plain.executed.values()].filter((e) => e.precision === 'int8')).toHaveLength(3);
  });

  it.each(['LSTM', 'GRU'])('leaves %s in float and says why', async (op) => {
    const gates = op === 'LSTM' ? 4 : 3;
    const g = new GraphBuilder(14);
    const x = g.input('x', [5, 1, 4]);
    const [w, r] = [g.random('w', [1, gates * 3, 4]), g.random('r', [1, gates * 3, 3])];
    const y = g.node('cell', op, [x, w, r], { hidden_size: 3 });
    const { units, model: plain } = await written(g.output(y).build(), true);
    expect(units).toMatchObject([{ integer: false }]);
    expect(units[0]!.reason).toContain('onnxruntime');
    expect(countOps(plain)).toEqual({ [op]: 1 });
  });
});
