/** Embeddings: rows of int8 tables, which become float once they are taken. */
import { describe, expect, it } from 'vitest';
import { executedKernels } from '../../src/analyze/executed';
import { serializeModel, tensorData, tensorDims, type Feed, type Model } from '../../src/onnx';
import { inferShapes } from '../../src/onnx/shapes';
import { dequantizeModel } from '../../src/quantize/dequantize';
import { quantizeDynamic } from '../../src/quantize/dynamic';
import { prepare } from '../../src/quantize/prepare';
import { listUnits } from '../../src/quantize/units';
import { optimizedGraph } from '../../src/runtime/optimized';
import { constantOf, countOps, GraphBuilder, nodeOf, printGraph } from '../lib/graph';
import { CLIPS } from '../lib/machine';
import { quantize } from '../lib/quantize';
import { outputs, relativeDifference } from '../lib/runtime';

const [WORDS, WIDTH] = [100, 24];

interface Shape {
  axis?: number;
  /** A product with the same table, transposed, gives the output. */
  tied?: boolean;
  /** Rows of a table of more axes. */
  deep?: boolean;
}

/** Ids → rows → LayerNorm → Gemm, as in a small language model. */
function language({ axis = 0, tied = false, deep = false }: Shape = {}): Model {
  const g = new GraphBuilder(17);
  const ids = g.input('ids', [5], 'int64');
  const table = g.random('table', deep ? [WORDS, 2, WIDTH] : [WORDS, WIDTH]);
  const rows = g.node('embed', 'Gather', [table, ids], { axis });
  const scale = g.random('scale', [axis === 0 ? WIDTH : 5]);
  const x = g.node('norm', 'LayerNormalization', [rows, scale], { axis: -1 });
  if (deep || axis !== 0) return g.output(x).build();
  const weight = tied ? table : g.random('w', [16, WIDTH]);
  return g.output(g.node('head', 'Gemm', [x, weight], { transB: 1 })).build();
}

const feed: Feed = {
  ids: { type: 'int64', dims: [5], data: BigInt64Array.of(3n, 23n, 0n, 21n, 3n) },
};
const feeds = [feed];

async function dynamic(model: Model, keep: readonly string[] = [], forced: readonly string[] = []) {
  const { model: prepared, context } = await prepare(model);
  const shapes = inferShapes(prepared);
  const units = listUnits(prepared, context, (t) => shapes.get(t)?.type);
  const written = quantizeDynamic(
    prepared,
    units,
    new Set(keep),
    'channel',
    CLIPS,
    false,
    new Set(forced),
  );
  return { ...written, prepared };
}

/** The largest difference of gathered rows from the table's, in steps of each column's scale. */
async function steps(model: Model, written: Model): Promise<number> {
  const codes = tensorData(constantOf(written, 'table_quantized')) as Int8Array;
  const scales = tensorData(constantOf(written, 'table_scale')) as Float32Array;
  expect(codes.some((c) => Math.abs(c) === 127)).toBe(true);
  const [exact, rounded] = await Promise.all(
    [model, written].map(async (m) => {
      const only = m.copy();
      only.graph.output.splice(0, 1, { ...only.graph.output[0]!, name: 'embed_out' });
      const found = await outputs(only, feed);
      return found.embed_out!.data as Float32Array;
    }),
  );
  return exact!.reduce(
    (worst, value, i) =>
      Math.max(worst, Math.abs(value - rounded![i]!) / scales[scales.length > 1 ? i % WIDTH : 0]!),
    0,
  );
}

describe.each(['static', 'dynamic'] as const)('an embedding in mode %s', (mode) => {
  const written = async (model: Model, keep: readonly string[] = [], forced: string[] = []) => {
    if (mode === 'dynamic') return dynamic(model, keep, forced);
    const done = await quantize(model, { feeds, keep, forced });
    return { ...done, units: done.placement.units };
  };
  const reasonOf = ({ units }: Awaited<ReturnType<typeof written>>) =>
    units.find((p) => p.unit.name === 'embed')!.reason;

  it.each<[string, Shape]>([
    ['two axes', {}],
    ['more axes', { deep: true }],
  ])(
    'takes int8 rows of a table of %s, and half a step is the most they are off',
    async (_, shape) => {
      const model = language(shape);
      const { model: made, units } = await written(model);
      expect(units.find((p) => p.unit.name === 'embed')).toMatchObject({ integer: true });
      const gather = nodeOf(made, 'embed');
      const reader = made.graph.node.find((n) => n.input[0] === gather.output[0])!;
      expect(gather.input[0]).toBe('table_quantized');
      expect(reader.opType).toBe('DequantizeLinear');
      expect(tensorDims(constantOf(made, 'table_scale'))).toEqual([WIDTH]);
      expect(made.graph.initializer.map((t) => t.name)).not.toContain('table');
      expect(await steps(model, made)).toBeLessThanOrEqual(0.5 + 1e-4);
    },
  );

  it('moves codes in the runtime, which dequantizes what was gathered and not the table', async () => {
    const { model: made, prepared, units } = await written(language());
    const optimized = await optimizedGraph(serializeModel(made));
    const executed = executedKernels(
      optimized,
      units.map((u) => u.unit),
      prepared,
    );
    expect(executed.get('embed')).toEqual({ precision: 'int8', kernel: 'Gather' });
    const gather = optimized.graph.node.find((n) => n.opType === 'Gather')!;
    expect(constantOf(optimized, gather.input[0]!).dims).toEqual([BigInt(WORDS), BigInt(WIDTH)]);
  });

  it('is float where the recipe says so', async () => {
    const kept = await written(language(), ['embed']);
    expect(reasonOf(kept)).toBe('kept in FP32 by the recipe');
    expect(nodeOf(kept.model, 'embed').input[0]).toBe('table');
  });

  it('is float where it would not be smaller, or gathers columns', async () => {
    const small = new GraphBuilder(17);
    const ids = small.input('ids', [5], 'int64');
    const modulo = small.node('mod', 'Mod', [ids, small.ints('four', 4)]);
    const rows = small.node('embed', 'Gather', [small.random('table', [4, WIDTH]), modulo]);
    small.output(small.node('head', 'MatMul', [rows, small.random('w', [WIDTH, 4])]));
    expect(reasonOf(await written(small.build()))).toContain('in FP32 it takes 384');
    expect(reasonOf(await written(language({ axis: 1 })))).toBe('it gathers columns, not rows');
  });

  it('is float where its table stays for another layer, and not where that takes codes too', async () => {
    const model = language({ tied: true });
    const both = await written(model);
    expect(reasonOf(both)).toBeNull();
    expect(both.model.graph.initializer.map((t) => t.name)).not.toContain('table');
    const one = await written(model, ['head']);
    expect(reasonOf(one)).toContain("'head' reads its table in float");
  });

  it('is float where it is a small part of the model, unless the recipe asks for it', async () => {
    const g = new GraphBuilder(17);
    const rows = g.node('embed', 'Gather', [
      g.random('table', [WORDS, WIDTH]),
      g.input('ids', [5], 'int64'),
    ]);
    const head = g.node('head', 'MatMul', [rows, g.random('w', [WIDTH, 1000])]);
    const model = g.output(head).build();
    expect(reasonOf(await written(model))).toContain('9.1 % of the model');
    expect(reasonOf(await written(model, [], ['embed']))).toBeNull();
  });

  it('can be made float again', async () => {
    const { model: made } = await written(language());
    const back = await dequantizeModel(made);
    expect(countOps(back.model)).not.toHaveProperty('DequantizeLinear');
    const gather = back.model.graph.node.find((n) => n.opType === 'Gather')!;
    const codes = tensorData(constantOf(made, 'table_quantized')) as Int8Array;
    const scales = tensorData(constantOf(made, 'table_scale')) as Float32Array;
    const table = Float32Array.from(codes, (q, i) => q * scales[i % WIDTH]!);
    expect(tensorData(constantOf(back.model, gather.input[0]!))).toEqual(table);
    const [a, b] = [await outputs(made, feed), await outputs(back.model, feed)];
    const [name] = Object.keys(a);
    const [from, to] = [a[name!]!.data, b[name!]!.data] as [Float32Array, Float32Array];
    expect(relativeDifference(to, from)).toBeLessThan(0.02); // activations are not rounded any more
  });
});

describe('a table for all ONNX runtimes', () => {
  it('is in ONNX’s own operators alone', async () => {
    const { model: made } = await dynamic(language({ deep: true }));
    expect(printGraph(made)).toContain(
      'embed: embed_out_quantized = Gather(table_quantized:int8[100,2,24], ids) {axis=0}',
    );
    expect(new Set(made.graph.node.map((n) => n.domain))).toEqual(new Set(['']));
  });
});
