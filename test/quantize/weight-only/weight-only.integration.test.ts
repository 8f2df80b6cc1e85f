/**
 * Weight-only quantization against the runtime's own operators: the weights that it computes with are read by multiplying
 * the identity, and MatMulNBits and GatherBlockQuantized are compared with DequantizeLinear of the same codes.
 */
import { describe, expect, it } from 'vitest';
import { makeTensor, tensorDims, type Model } from '../../../src/onnx';
import type { WeightType } from '../../../src/quantize/weight-only';
import { constantOf, countOps, GraphBuilder, randomValues } from '../../lib/graph';
import { output, outputs, randomFeed, value } from '../../lib/runtime';
import { identity, weightOnly, type WeightOnlyOptions } from './subject';

type Values = Float32Array;
const relative = (got: ArrayLike<number>, want: ArrayLike<number>) => {
  let [worst, largest] = [0, 0];
  for (let i = 0; i < want.length; i++) {
    worst = Math.max(worst, Math.abs(got[i]! - want[i]!));
    largest = Math.max(largest, Math.abs(want[i]!));
  }
  return worst / largest;
};
const sqnr = (got: ArrayLike<number>, want: ArrayLike<number>) => {
  let [signal, noise] = [0, 0];
  for (let i = 0; i < want.length; i++) {
    signal += want[i]! ** 2;
    noise += (got[i]! - want[i]!) ** 2;
  }
  return 10 * Math.log10(signal / noise);
};

/** x [n, K] · w [K, N]. */
function product(k: number, n: number, opset = 21): Model {
  const g = new GraphBuilder(opset, opset >= 21 ? 10 : 8);
  const x = g.input('x', ['n', k]);
  return g.output(g.node('m', 'MatMul', [x, g.random('w', [k, n])])).build();
}

/** x [n, K] · wᵀ, w [N, K], + c. */
function gemm(k: number, n: number): Model {
  const g = new GraphBuilder(21, 10);
  const x = g.input('x', ['n', k]);
  const inputs = [x, g.random('w', [n, k]), g.random('c', [n])];
  return g.output(g.node('m', 'Gemm', inputs, { transB: 1 })).build();
}

/** Rows of a table [V, D]. */
function lookup(v: number, d: number): Model {
  const g = new GraphBuilder(21, 10);
  const ids = g.input('ids', ['b', 't'], 'int64');
  return g.output(g.node('e', 'Gather', [g.random('table', [v, d]), ids])).build();
}
const everyRow = (v: number) => ({
  ids: {
    type: 'int64' as const,
    dims: [1, v],
    data: BigInt64Array.from({ length: v }, (_, i) => BigInt(i)),
  },
});

/** Weights as the runtime computes with them. */
const weightsOf = async (model: Model, k: number): Promise<Values> =>
  output(model, { x: value([k, k], identity(k)) });

const types: WeightType[] = ['int4', 'uint4', 'int8', 'uint8'];
const leastDb: Record<WeightType, number> = { int4: 19, uint4: 19, int8: 42, uint8: 42 };

describe.each(types)('%s', (type) => {
  describe.each([16, 32, 64, 128, 256] as const)('block %i', (block) => {
    it.each([
      [256, 24],
      [200, 7],
    ])('MatMul %i→%i: the same values from both forms', async (k, n) => {
      const model = product(k, n);
      const exact = randomValues(k * n, 'w');
      const nbits = await weightOnly(model, { type, block });
      const qdq = await weightOnly(model, { type, block, form: 'qdq' });
      expect(countOps(nbits.model)).toEqual({ MatMulNBits: 1 });
      expect(countOps(qdq.model)).toEqual({ DequantizeLinear: 1, MatMul: 1 });
      const a = await weightsOf(nbits.model, k);
      // as written, not fused: this is the runtime's DequantizeLinear
      const b = await output(
        qdq.model,
        { x: value([k, k], identity(k)) },
        { optimization: 'disabled' },
      );
      for (const values of [a, b])
        expect(sqnr(values, exact)).toBeGreaterThan(leastDb[type] - block / 128);
      if (type.startsWith('u')) expect(relative(a, b)).toBeLessThan(1e-6);
    });
  });

  it.each(['channel', 'tensor'] as const)('one scale a %s', async (granularity) => {
    const model = product(72, 6);
    const exact = randomValues(72 * 6, 'w');
    const a = await weightsOf((await weightOnly(model, { type, granularity })).model, 72);
    const qdq = await weightOnly(model, { type, granularity, form: 'qdq' });
    const b = await output(
      qdq.model,
      { x: value([72, 72], identity(72)) },
      { optimization: 'disabled' },
    );
    expect(sqnr(a, exact)).toBeGreaterThan(leastDb[type] - 3);
    expect(sqnr(b, exact)).toBeGreaterThan(leastDb[type] - 3);
    if (type.startsWith('u')) expect(relative(a, b)).toBeLessThan(1e-6);
  });

  it('a table: GatherBlockQuantized and DequantizeLinear of gathered codes agree', async () => {
    for (const [v, d] of [
      [9, 64],
      [11, 72],
      [5, 33],
    ] as const) {
      const model = lookup(v, d);
      const nbits = await weightOnly(model, { type });
      const qdq = await weightOnly(model, { type, form: 'qdq' });
      expect(countOps(nbits.model)).toEqual({ GatherBlockQuantized: 1 });
      expect(countOps(qdq.model)).toMatchObject({ DequantizeLinear: 1 });
      const a = await output(nbits.model, everyRow(v));
      const b = await output(qdq.model, everyRow(v));
      const exact = randomValues(v * d, 'table');
      const bits = d % 2 === 0 ? type : (type.replace('4', '8') as WeightType);
      expect(sqnr(a, exact)).toBeGreaterThan(leastDb[bits] - 1);
      // Gather takes no 4-bit integers: there the table has 8
      expect(sqnr(b, exact)).toBeGreaterThan(leastDb[type.startsWith('u') ? 'uint8' : 'int8'] - 1);
      if (type === 'uint8') expect(relative(a, b)).toBeLessThan(1e-6);
      expect(nbits.executed.get('e')!.precision).toBe(bits.endsWith('4') ? 'int4' : 'int8');
      expect(qdq.executed.get('e')!.precision).toBe('int8');
    }
  });

  it('what the runtime executes: MatMulNBits from both forms', async () => {
    const bits = type.endsWith('4') ? 'int4' : 'int8';
    for (const [build, k] of [
      [product(64, 24), 64],
      [gemm(64, 24), 64],
      [gemm(70, 5), 70],
    ] as const)
      for (const form of ['matmul-nbits', 'qdq'] as const) {
        const { executed, optimized, model } = await weightOnly(build, { type, form });
        // what the runtime fuses itself it does at level 4
        expect(executed.get('m'), form).toEqual(
          form === 'qdq'
            ? { precision: bits, kernel: 'MatMulNBits, int8 activations' }
            : { precision: bits, kernel: 'MatMulNBits, float activations', integerShare: 0 },
        );
        // the bias of a Gemm is inside
        expect(countOps(optimized)).toEqual({ MatMulNBits: 1 });
        const feed = randomFeed(build, 3);
        const [got, want] = [await output(model, feed), await output(build, feed)];
        expect(sqnr(got, want), `${form} ${k}`).toBeGreaterThan(leastDb[type] - 4);
      }
  });
});

it('an accuracy level of 4 rounds what is multiplied, 1 does not', async () => {
  const model = product(128, 16);
  const feed = { x: value([4, 128], randomValues(512, 1)) };
  const exact = await weightOnly(model, { type: 'int8', accuracyLevel: 1 });
  const fast = await weightOnly(model, { type: 'int8', accuracyLevel: 4 });
  const [a, b] = [await output(exact.model, feed), await output(fast.model, feed)];
  expect(sqnr(b, a)).toBeGreaterThan(35);
  expect(sqnr(b, a)).toBeLessThan(60);
});

describe('shapes', () => {
  it.each<[string, (g: GraphBuilder) => string, string?]>([
    ['a vector', (g) => g.node('m', 'MatMul', [g.input('x', [64]), g.random('w', [64, 8])])],
    ['batches', (g) => g.node('m', 'MatMul', [g.input('x', [2, 3, 64]), g.random('w', [64, 8])])],
    [
      'a weight with leading ones',
      (g) => g.node('m', 'MatMul', [g.input('x', [2, 3, 64]), g.random('w', [1, 64, 8])]),
    ],
    [
      'a bias and an activation',
      (g) => {
        const m = g.node('m', 'MatMul', [g.input('x', [2, 3, 64]), g.random('w', [64, 8])]);
        return g.node('r', 'Relu', [g.node('a', 'Add', [m, g.random('b', [8])])]);
      },
    ],
    [
      'a Gemm with a bias for every row',
      (g) =>
        g.node('m', 'Gemm', [g.input('x', [3, 64]), g.random('w', [64, 8]), g.random('b', [3, 1])]),
      'float32', // the runtime fuses a DequantizeLinear into a Gemm only where its C is a vector
    ],
    [
      'a Gemm that transposes its input',
      (g) => g.node('m', 'Gemm', [g.input('x', [64, 3]), g.random('w', [64, 8])], { transA: 1 }),
      'float32', // the runtime takes the Transpose into the Gemm again, and a DequantizeLinear then no more
    ],
    [
      'a Gemm with a computed bias',
      (g) =>
        g.node('m', 'Gemm', [g.input('x', [3, 64]), g.random('w', [64, 8]), g.input('b', [8])]),
    ],
  ])('%s', async (_, build, qdq = 'int8') => {
    const g = new GraphBuilder(21, 10);
    const model = g.output(build(g)).build();
    const feed = randomFeed(model);
    const want = (await outputs(model, feed))[model.graph.output[0]!.name]!;
    for (const form of ['matmul-nbits', 'qdq'] as const) {
      const { model: written, executed } = await weightOnly(model, { type: 'int8', form });
      const got = (await outputs(written, feed))[model.graph.output[0]!.name]!;
      expect(got.dims, form).toEqual(want.dims);
      expect(sqnr(got.data as Values, want.data as Values), form).toBeGreaterThan(35);
      expect(executed.get('m')!.precision).toBe(form === 'qdq' ? qdq : 'int8');
    }
  });
});

describe('shared weights are written once', () => {
  /** Embedding and output of a language model: one table, the second time transposed in one of three ways. */
  function tied(head: 'Transpose' | 'Gemm' | 'written twice', d = 64, v = 40, rank = true): Model {
    const g = new GraphBuilder(21, 10);
    const ids = g.input('ids', rank ? ['t'] : null, 'int64');
    const table = g.random('table', [v, d]);
    const e = g.node('e', 'Gather', [table, ids]);
    const h = g.node('h', 'Tanh', [e]);
    if (head === 'Gemm') return g.output(g.node('m', 'Gemm', [h, table], { transB: 1 })).build();
    if (head === 'Transpose')
      return g.output(g.node('m', 'MatMul', [h, g.node('t', 'Transpose', [table])])).build();
    const values = randomValues(v * d, 'table');
    const turned = Float32Array.from(
      { length: v * d },
      (_, i) => values[(i % v) * d + Math.floor(i / v)]!,
    );
    return g.output(g.node('m', 'MatMul', [h, g.constant('head', [d, v], turned)])).build();
  }
  const ids = (rank: number[]) => ({
    ids: {
      type: 'int64' as const,
      dims: rank,
      data: BigInt64Array.from([3n, 0n, 39n, 7n, 7n, 12n]),
    },
  });
  const bytes = (model: Model) =>
    model.graph.initializer.reduce((sum, t) => sum + t.rawData.length, 0);

  it.each(['Transpose', 'Gemm', 'written twice'] as const)('a tied embedding: %s', async (head) => {
    for (const type of types)
      for (const form of ['matmul-nbits', 'qdq'] as const)
        for (const d of [64, 72]) {
          const model = tied(head, d);
          const { model: written, units, executed } = await weightOnly(model, { type, form });
          expect(units.filter((u) => u.integer).map((u) => u.unit.name)).toEqual(['e', 'm']);
          const codes = written.graph.initializer.filter((t) => t.name.includes('_quantized'));
          expect(
            codes.map((t) => t.name),
            `${form} ${type}`,
          ).toEqual(['table_quantized']);
          const bits = form === 'qdq' || type.endsWith('8') ? 8 : 4;
          const room = Math.ceil(d / 32) * 32;
          expect(bytes(written)).toBeLessThan(40 * room * (bits / 8) + 40 * 3 * 8 + 200);
          const [got, want] = [await output(written, ids([6])), await output(model, ids([6]))];
          expect(sqnr(got, want), `${form} ${type} ${d}`).toBeGreaterThan(bits === 4 ? 14 : 37);
          if (form === 'matmul-nbits') expect(executed.get('m')!.precision).toBe(`int${bits}`);
          // codes that others read too are not fused
          else expect(executed.get('m')!.precision).toBe('float32');
        }
  });

  it.each([64, 72])('where the rank of the indices is open, %i columns', async (d) => {
    const model = tied('Gemm', d, 40, false);
    for (const type of types) {
      const { model: written } = await weightOnly(model, { type });
      expect(written.graph.initializer.filter((t) => t.name.includes('_quantized'))).toHaveLength(
        1,
      );
      const got = (await outputs(written, ids([6])))[model.graph.output[0]!.name]!;
      const want = (await outputs(model, ids([6])))[model.graph.output[0]!.name]!;
      expect(got.dims).toEqual(want.dims);
      expect(sqnr(got.data as Values, want.data as Values)).toBeGreaterThan(
        type.endsWith('4') ? 14 : 37,
      );
    }
  });

  it('in the widest type that one of them asks for', async () => {
    const { units } = await weightOnly(tied('Gemm'), { types: { e: 'int8', m: 'int4' } });
    expect(units.filter((u) => u.integer).map((u) => u.precision)).toEqual(['int8', 'int8']);
  });

  it('a table whose product is kept has its own FP32 copy left', async () => {
    const { model } = await weightOnly(tied('Gemm'), { keep: ['m'] });
    expect(countOps(model)).toMatchObject({ GatherBlockQuantized: 1, Gemm: 1 });
    expect(tensorDims(constantOf(model, 'table'))).toEqual([40, 64]);
  });

  it('two products of one weight', async () => {
    const g = new GraphBuilder(21, 10);
    const x = g.input('x', ['n', 64]);
    const w = g.random('w', [64, 64]);
    const model = g.output(g.node('b', 'MatMul', [g.node('a', 'MatMul', [x, w]), w])).build();
    for (const form of ['matmul-nbits', 'qdq'] as const) {
      const { model: written, executed } = await weightOnly(model, { type: 'int8', form });
      expect(written.graph.initializer.filter((t) => t.name.includes('_quantized'))).toHaveLength(
        1,
      );
      expect(executed.get('a')!.precision).toBe(form === 'qdq' ? 'float32' : 'int8');
    }
  });
});

describe('stays float', () => {
  it.each<[string, string, (g: GraphBuilder) => string, WeightOnlyOptions?]>([
    ['both sides are computed', 'a', (g) => g.node('a', 'MatMul', [g.input('x', [4, 4]), 'x'])],
    [
      'its weight stands on the left',
      'a',
      (g) => g.node('a', 'MatMul', [g.random('w', [64, 64]), g.input('x', [64, 4])]),
    ],
    [
      'is a stack of matrices',
      'a',
      (g) => g.node('a', 'MatMul', [g.input('x', [2, 3, 64]), g.random('w', [2, 64, 64])]),
    ],
    [
      'has 3 axes and its input fewer',
      'a',
      (g) => g.node('a', 'MatMul', [g.input('x', [3, 64]), g.random('w', [1, 64, 64])]),
    ],
    [
      'is a vector',
      'a',
      (g) => g.node('a', 'MatMul', [g.input('x', [3, 64]), g.random('w', [64])]),
    ],
    [
      'is computed, not a constant',
      'a',
      (g) => g.node('a', 'Gemm', [g.input('x', [3, 64]), g.input('y', [64, 64])]),
    ],
    [
      'it gathers columns',
      'a',
      (g) =>
        g.node('a', 'Gather', [g.random('w', [64, 64]), g.input('i', [3], 'int64')], { axis: 1 }),
    ],
    [
      'its table has 3 axes',
      'a',
      (g) => g.node('a', 'Gather', [g.random('w', [8, 64, 4]), g.input('i', [3], 'int64')]),
    ],
    [
      'no Conv that reads packed weights',
      'a',
      (g) => g.node('a', 'Conv', [g.input('x', [1, 3, 8, 8]), g.random('w', [64, 3, 3, 3])]),
    ],
    [
      'no LSTM that reads packed weights: use mode: dynamic',
      'a',
      (g) =>
        g.node(
          'a',
          'LSTM',
          [g.input('x', [5, 1, 16]), g.random('w', [1, 32, 16]), g.random('r', [1, 32, 8])],
          { hidden_size: 8 },
          ['y'],
        ),
    ],
    ['it has no weights', 'a', (g) => g.node('a', 'Tanh', [g.input('x', [4])])],
    [
      'packed, its weight would take 24 bytes; in FP32 it takes 24',
      'a',
      (g) => g.node('a', 'MatMul', [g.input('x', [4, 3]), g.random('w', [3, 2])]),
    ],
    [
      'kept in FP32 by the recipe',
      'a',
      (g) => g.node('a', 'MatMul', [g.input('x', [4, 64]), g.random('w', [64, 64])]),
      { keep: ['a'] },
    ],
    [
      'holds NaN or infinite values',
      'a',
      (g) => {
        const values = randomValues(64 * 64, 1);
        values[77] = NaN;
        return g.node('a', 'MatMul', [g.input('x', [4, 64]), g.constant('w', [64, 64], values)]);
      },
    ],
    [
      'is float64, not float32',
      'a',
      (g) => {
        const w = g.tensor(makeTensor('w', 'float64', [64, 64], new Float64Array(64 * 64)));
        return g.node('a', 'MatMul', [g.input('x', [4, 64], 'float64'), w]);
      },
    ],
  ])('%s', async (reason, layer, build, options = {}) => {
    const g = new GraphBuilder(21, 10);
    const model = build(g);
    const built = g.output(model).build();
    if (reason.includes('float64')) built.graph.output[0]!.type = undefined;
    const { reasonOf, model: written, executed, prepared } = await weightOnly(built, options);
    expect(reasonOf(layer)).toContain(reason);
    expect(countOps(written)).toEqual(countOps(prepared));
    expect(written.graph.initializer.map((t) => t.name)).toEqual(
      prepared.graph.initializer.map((t) => t.name),
    );
    expect(['int4', 'int8']).not.toContain(executed.get(layer)?.precision);
  });
});

describe('the local model', () => {
  it.each(['matmul-nbits', 'qdq'] as const)('%s: twins read exact inputs', async (form) => {
    const g = new GraphBuilder(21, 10);
    const ids = g.input('ids', ['t'], 'int64');
    const e = g.node('e', 'Gather', [g.random('table', [20, 64]), ids]);
    const m = g.node('m', 'MatMul', [e, g.random('w', [64, 32])]);
    const r = g.node('r', 'Relu', [g.node('a', 'Add', [m, g.random('b', [32])])]);
    const model = g.output(g.node('n', 'MatMul', [r, g.random('v', [32, 16])])).build();
    const { local } = await weightOnly(model, { form, type: 'int8' });
    const { model: twins, taps } = local();
    expect([...taps.keys()]).toEqual(['e', 'm', 'n']);
    expect(taps.get('m')!.exact).toBe('r_out');
    const { openTapped } = await import('../../../src/runtime/taps');
    const names = [...taps.values()].flatMap((t) => [t.exact, t.local]);
    const { session } = await openTapped(twins, names);
    const feed = { ids: { type: 'int64' as const, dims: [3], data: BigInt64Array.of(1n, 5n, 9n) } };
    const got = await session.run(feed, names);
    await session.release();
    for (const { exact, local: twin } of taps.values()) {
      const db = sqnr(got[twin]!.data as Values, got[exact]!.data as Values);
      expect(db).toBeGreaterThan(38);
      expect(db).toBeLessThan(80);
    }
    // and the FP32 result is what it was
    const out = model.graph.output[0]!.name;
    const want = (await outputs(model, feed))[out]!;
    expect(relative(got[taps.get('n')!.exact]!.data as Values, want.data as Values)).toBeLessThan(
      1e-6,
    );
  });
});
