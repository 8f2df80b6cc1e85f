import { describe, expect, it } from 'vitest';
import { executedKernels } from '../../src/analyze/executed';
import { sqnrDb } from '../../src/numeric';
import { floatData, serializeModel, tensorDims, type Model } from '../../src/onnx';
import { quantizeDynamic } from '../../src/quantize/dynamic';
import { prepare } from '../../src/quantize/prepare';
import { listUnits } from '../../src/quantize/units';
import { optimizedGraph } from '../../src/runtime/optimized';
import { inferShapes } from '../../src/onnx/shapes';
import { countOps, float, GraphBuilder, randomValues } from '../lib/graph';
import { CLIPS } from '../lib/machine';
import { executed, quantize } from '../lib/quantize';
import { output, outputs, randomFeed, relativeDifference, value } from '../lib/runtime';

interface Options {
  keep?: string[];
  granularity?: 'channel' | 'tensor';
  plain?: boolean;
}

async function dynamic(model: Model, options: Options = {}) {
  const { keep = [], granularity = 'channel', plain = false } = options;
  const { model: prepared, context } = await prepare(model);
  const shapes = inferShapes(prepared);
  const units = listUnits(prepared, context, (t) => shapes.get(t)?.type);
  const written = quantizeDynamic(prepared, units, new Set(keep), granularity, CLIPS, plain);
  const optimized = await optimizedGraph(serializeModel(written.model));
  return { prepared, ...written, executed: executedKernels(optimized, units, prepared) };
}

function graph(build: (g: GraphBuilder, x: string) => string | string[], shape: number[]) {
  const g = new GraphBuilder();
  const names = build(g, g.input('x', shape));
  return g.output(...[names].flat()).build();
}

/**
 * What the kernel computes, written out: x to uint8 with one scale for all, weights to int8 with one a column
 * (DynamicQuantizeLinear and MatMulInteger of the ONNX operators).
 * @param scales of the columns, where they have headroom; else the smallest with which the column fits
 */
function direct(
  x: Float32Array,
  w: Float32Array,
  k: number,
  n: number,
  bias?: Float32Array,
  scales?: Float32Array,
) {
  const low = Math.min(0, ...x);
  const high = Math.max(0, ...x);
  const scale = Math.fround((high - low) / 255);
  const zero = Math.max(0, Math.min(255, even(-low / scale)));
  const codes = Array.from(x, (v) => Math.max(0, Math.min(255, even(v / scale) + zero)));
  const rows = x.length / k;
  const out = new Float32Array(rows * n);
  for (let column = 0; column < n; column++) {
    let largest = 0;
    for (let i = 0; i < k; i++) largest = Math.max(largest, Math.abs(w[i * n + column]!));
    const step = CLIPS && scales ? scales[column]! : largest / 127;
    const weights = Array.from({ length: k }, (_, i) => even(w[i * n + column]! / step));
    for (let r = 0; r < rows; r++) {
      let sum = 0;
      for (let i = 0; i < k; i++) sum += (codes[r * k + i]! - zero) * weights[i]!;
      out[r * n + column] = sum * scale * step + (bias?.[column] ?? 0);
    }
  }
  return out;
}
const even = (x: number) => {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
};

const W = randomValues(8 * 6, 'w');
const B = randomValues(6, 'b');
const weight = (g: GraphBuilder) => g.constant('w', [8, 6], W);
const transposed = (g: GraphBuilder) =>
  g.constant(
    'w',
    [6, 8],
    Float32Array.from({ length: 48 }, (_, i) => W[(i % 8) * 6 + Math.floor(i / 8)]!),
  );

describe('quantizeDynamic', () => {
  it.each<[string, number[], boolean, (g: GraphBuilder, x: string) => string]>([
    ['MatMul', [3, 8], false, (g, x) => g.node('m', 'MatMul', [x, weight(g)])],
    ['MatMul of a batch', [2, 3, 8], false, (g, x) => g.node('m', 'MatMul', [x, weight(g)])],
    [
      'MatMul with bias',
      [3, 8],
      true,
      (g, x) =>
        g.node('add', 'Add', [g.node('m', 'MatMul', [x, weight(g)]), g.constant('b', [6], B)]),
    ],
    [
      'bias first',
      [3, 8],
      true,
      (g, x) =>
        g.node('add', 'Add', [g.constant('b', [6], B), g.node('m', 'MatMul', [x, weight(g)])]),
    ],
    ['Gemm', [3, 8], false, (g, x) => g.node('m', 'Gemm', [x, weight(g)])],
    [
      'Gemm, transB, with bias',
      [3, 8],
      true,
      (g, x) => g.node('m', 'Gemm', [x, transposed(g), g.constant('b', [6], B)], { transB: 1 }),
    ],
    [
      'Gemm with alpha and beta',
      [3, 8],
      true,
      (g, x) => {
        const half = g.constant(
          'w2',
          [8, 6],
          W.map((v) => v * 2),
        );
        const double = g.constant(
          'b2',
          [6],
          B.map((v) => v / 2),
        );
        return g.node('m', 'Gemm', [x, half, double], { alpha: float(0.5), beta: float(2) });
      },
    ],
  ])('%s is what the kernel computes', async (_, shape, bias, build) => {
    const model = graph(build, shape);
    const { model: written, units, executed, weightScales } = await dynamic(model);
    expect(units).toMatchObject([{ integer: true, reason: null }]);
    expect(executed.get('m')).toEqual({ precision: 'int8', kernel: 'DynamicQuantizeMatMul' });
    expect(countOps(written)).toEqual({ DynamicQuantizeMatMul: 1 });
    expect(written.domainVersion('com.microsoft')).toBe(1);
    expect(weightScales.get('m')).toHaveLength(6);
    const feed = randomFeed(model);
    const scales = weightScales.get('m')!;
    const reference = direct(feed.x!.data as Float32Array, W, 8, 6, bias ? B : undefined, scales);
    expect(relativeDifference(await output(written, feed), reference)).toBeLessThan(1e-5);
  });

  it('one scale for a weight is one scale', async () => {
    const model = graph((g, x) => g.node('m', 'MatMul', [x, weight(g)]), [3, 8]);
    const { model: written, weightScales } = await dynamic(model, { granularity: 'tensor' });
    const scales = weightScales.get('m')!;
    if (!CLIPS) expect(scales).toEqual(Float32Array.of(Math.max(...W.map(Math.abs)) / 127));
    expect(scales).toHaveLength(1);
    const feed = randomFeed(model);
    const difference = relativeDifference(await output(written, feed), await output(model, feed));
    expect(difference).toBeLessThan(0.02);
  });

  it.each<[string, number[], (g: GraphBuilder, x: string) => string]>([
    [
      'a bias of one value',
      [3, 8],
      (g, x) =>
        g.node('add', 'Add', [g.node('m', 'MatMul', [x, weight(g)]), g.constant('b', [1], [0.5])]),
    ],
    [
      'an Add of two results',
      [3, 8],
      (g, x) => g.node('add', 'Add', [g.node('m', 'MatMul', [x, weight(g)]), g.input('y', [3, 6])]),
    ],
    [
      'an Add before a result that others read',
      [3, 8],
      (g, x) => {
        const m = g.node('m', 'MatMul', [x, weight(g)]);
        const sum = g.node('add', 'Add', [m, g.constant('b', [6], B)]);
        return g.node('mul', 'Mul', [sum, m]);
      },
    ],
  ])('%s stays an Add', async (_, shape, build) => {
    const model = graph(build, shape);
    const { model: written, executed } = await dynamic(model);
    expect(executed.get('m')!.precision).toBe('int8');
    expect(countOps(written)).toMatchObject({ DynamicQuantizeMatMul: 1, Add: 1 });
    const feed = randomFeed(model);
    expect(relativeDifference(await output(written, feed), await output(model, feed))).toBeLessThan(
      0.02,
    );
  });

  it('writes a weight that two layers share once', async () => {
    const model = graph(
      (g, x) => [
        g.node('a', 'MatMul', [x, weight(g)]),
        g.node('b', 'MatMul', [g.node('n', 'Neg', [x]), 'w']),
      ],
      [3, 8],
    );
    const { model: written } = await dynamic(model);
    expect(written.graph.initializer.map((t) => t.name)).toEqual([
      'w_quantized',
      'w_scale',
      'w_zero_point',
    ]);
  });

  it.each<[string, number[], (g: GraphBuilder, x: string) => string, string[]?]>([
    [
      'many times slower than FP32',
      [1, 3, 6, 6],
      (g, x) => g.node('a', 'Conv', [x, g.random('w', [4, 3, 3, 3])]),
    ],
    ['both sides are computed', [4, 4], (g, x) => g.node('a', 'MatMul', [x, x])],
    ['its weight is a vector', [2, 3, 8], (g, x) => g.node('a', 'MatMul', [x, g.random('w', [8])])],
    [
      'its bias differs from row to row',
      [3, 8],
      (g, x) => g.node('a', 'Gemm', [x, weight(g), g.random('b', [3, 1])]),
    ],
    [
      'its bias is computed',
      [3, 8],
      (g, x) => g.node('a', 'Gemm', [x, weight(g), g.input('b', [6])]),
    ],
    [
      'its weights are computed',
      [5, 1, 4],
      (g, x) =>
        g.node('a', 'GRU', [x, g.input('w', [1, 9, 4]), g.random('r', [1, 9, 3])], {
          hidden_size: 3,
        }),
    ],
    ['dynamic quantization covers', [3, 8], (g, x) => g.node('a', 'Tanh', [x])],
    ['kept in FP32 by the recipe', [3, 8], (g, x) => g.node('a', 'MatMul', [x, weight(g)]), ['a']],
  ])('stays float: %s', async (reason, shape, build, keep = []) => {
    const model = graph(build, shape);
    const { units, executed, model: written, prepared } = await dynamic(model, { keep });
    expect(units[0]!.integer).toBe(false);
    expect(units[0]!.reason).toContain(reason);
    expect(executed.get('a')!.precision).toBe('float32');
    expect(countOps(written)).toEqual(countOps(prepared));
    expect(written.graph.initializer.map((t) => t.name)).toEqual(
      prepared.graph.initializer.map((t) => t.name),
    );
  });
});

describe('a stack of matrices', () => {
  const [STACK, K, N] = [3, 8, 6];
  const values = randomValues(STACK * K * N, 'stack').map(
    (v, i) => v * 4 ** (Math.floor(i / (K * N)) + (i % N) / N),
  );
  /** Every matrix by itself on the same codes: the input has one scale for all. */
  const expected = (x: Float32Array, rows: number, scales: Float32Array) => {
    const [low, high] = [Math.min(0, ...x), Math.max(0, ...x)];
    return Array.from({ length: STACK }, (_, i) => {
      const own = x.length === rows * K ? x : x.subarray(i * rows * K, (i + 1) * rows * K);
      // two rows more bring the range of the whole input
      const padded = Float32Array.of(...own, ...pad(low), ...pad(high));
      const w = values.subarray(i * K * N, (i + 1) * K * N);
      return [...direct(padded, w, K, N, undefined, ofMatrix(scales, i))].slice(0, rows * N);
    }).flat();
  };
  const pad = (v: number) => [v, ...new Array<number>(K - 1).fill(0)];
  const ofMatrix = (scales: Float32Array, i: number) => scales.subarray(i * N, (i + 1) * N);

  it.each<[string, number[], number[], boolean]>([
    ['a matrix each', [STACK, 4, K], [STACK, K, N], false],
    ['one input for all', [4, K], [STACK, K, N], false],
    ['more axes', [2, 1, 4, K], [1, STACK, K, N], false],
    ['ONNX’s own operators', [STACK, 4, K], [STACK, K, N], true],
  ])('%s: each column of each matrix has its scale', async (_, shape, dims, plain) => {
    const model = graph((g, x) => g.node('m', 'MatMul', [x, g.constant('w', dims, values)]), shape);
    const { model: written, units, executed, weightScales } = await dynamic(model, { plain });
    expect(units).toMatchObject([{ integer: true, reason: null }]);
    const scales = weightScales.get('m')!;
    expect(scales).toHaveLength(STACK * N);
    expect(executed.get('m')).toMatchObject({ precision: 'int8' });
    expect(countOps(written)).not.toHaveProperty('MatMul');
    const feed = randomFeed(model);
    const x = feed.x!.data as Float32Array;
    const found = await output(written, feed);
    if (shape.length === 4) {
      const each = [0, 1].map((b) => x.subarray(b * 4 * K, (b + 1) * 4 * K));
      const [low, high] = [Math.min(0, ...x), Math.max(0, ...x)];
      const whole = each.map((own) => {
        const inRange = Float32Array.of(...own, ...pad(low), ...pad(high));
        return Array.from({ length: STACK }, (__, i) => {
          const w = values.subarray(i * K * N, (i + 1) * K * N);
          return [...direct(inRange, w, K, N, undefined, ofMatrix(scales, i))].slice(0, 4 * N);
        });
      });
      expect(relativeDifference(found, Float32Array.from(whole.flat(2)))).toBeLessThan(1e-6);
    } else
      expect(relativeDifference(found, Float32Array.from(expected(x, 4, scales)))).toBeLessThan(
        1e-6,
      );
  });

  it('has one scale with granularity: tensor, and a bias behind it', async () => {
    const model = graph(
      (g, x) => [
        g.node('add', 'Add', [
          g.node('m', 'MatMul', [x, g.constant('w', [STACK, K, N], values)]),
          g.constant('b', [N], B),
        ]),
        g.node('again', 'MatMul', [x, 'w']),
      ],
      [STACK, 4, K],
    );
    const { model: written, weightScales } = await dynamic(model, { granularity: 'tensor' });
    expect(weightScales.get('m')).toHaveLength(1);
    expect(written.graph.initializer.filter((t) => t.dims.length === 3)).toHaveLength(1);
    const feed = randomFeed(model);
    const [exact, rounded] = [await outputs(model, feed), await outputs(written, feed)];
    for (const name of Object.keys(exact)) {
      const [a, b] = [exact[name]!.data, rounded[name]!.data] as [Float32Array, Float32Array];
      expect(relativeDifference(b, a)).toBeLessThan(0.02);
    }
  });
});

describe('a Gemm that transposes its input', () => {
  it('multiplies codes behind a Transpose', async () => {
    const turned = graph(
      (g, x) => g.node('m', 'Gemm', [x, weight(g), g.constant('b', [6], B)], { transA: 1 }),
      [8, 3],
    );
    const { model: written, units, executed, weightScales } = await dynamic(turned);
    expect(units).toMatchObject([{ integer: true, reason: null }]);
    expect(executed.get('m')).toMatchObject({ precision: 'int8' });
    const feed = randomFeed(turned);
    const x = feed.x!.data as Float32Array;
    const rows = Float32Array.from(x, (_, i) => x[(i % 8) * 3 + Math.floor(i / 8)]!);
    const reference = direct(rows, W, 8, 6, B, weightScales.get('m'));
    expect(relativeDifference(await output(written, feed), reference)).toBeLessThan(1e-6);
  });

  it('is integer in static mode, too', async () => {
    const turned = graph((g, x) => g.node('m', 'Gemm', [x, weight(g)], { transA: 1 }), [8, 3]);
    const quantized = await quantize(turned);
    expect((await executed(quantized)).of('m')).toEqual({ precision: 'int8', kernel: 'QGemm' });
    const feed = quantized.feeds[0]!;
    const [exact, rounded] = [await output(turned, feed), await output(quantized.model, feed)];
    expect(relativeDifference(rounded, exact)).toBeLessThan(0.02);
  });
});

describe('dynamic LSTM', () => {
  const [T, BATCH, IN, HIDDEN] = [12, 2, 10, 16];
  type Direction = 'forward' | 'reverse' | 'bidirectional';

  function lstm(direction: Direction, initial: boolean, extra: Record<string, number> = {}) {
    const d = direction === 'bidirectional' ? 2 : 1;
    const g = new GraphBuilder();
    const inputs = [
      g.input('x', [T, BATCH, IN]),
      g.random('w', [d, 4 * HIDDEN, IN], 0.4),
      g.random('r', [d, 4 * HIDDEN, HIDDEN], 0.4),
      g.random('b', [d, 8 * HIDDEN], 0.2),
    ];
    if (initial)
      inputs.push('', g.input('h0', [d, BATCH, HIDDEN]), g.input('c0', [d, BATCH, HIDDEN]));
    g.node('lstm', 'LSTM', inputs, { hidden_size: HIDDEN, direction, ...extra }, ['y', 'h', 'c']);
    return g.output('y', 'h', 'c').build();
  }

  it.each<[Direction, boolean, 'channel' | 'tensor']>([
    ['forward', false, 'channel'],
    ['forward', true, 'channel'],
    ['reverse', true, 'channel'],
    ['bidirectional', false, 'channel'],
    ['bidirectional', true, 'channel'],
    ['bidirectional', true, 'tensor'],
  ])('%s, initial state %s, one scale a %s', async (direction, initial, granularity) => {
    const model = lstm(direction, initial);
    const { model: written, units, executed } = await dynamic(model, { granularity });
    expect(units).toMatchObject([{ integer: true, reason: null }]);
    expect(executed.get('lstm')).toEqual({ precision: 'int8', kernel: 'DynamicQuantizeLSTM' });
    const feed = randomFeed(model);
    const [int8, fp32] = [await outputs(written, feed), await outputs(model, feed)];
    for (const name of ['y', 'h', 'c']) {
      const [a, b] = [int8[name]!, fp32[name]!];
      expect(a.dims).toEqual(b.dims);
      const x = b.data as Float32Array;
      const noise = (a.data as Float32Array).reduce((s, v, i) => s + (v - x[i]!) ** 2, 0);
      const signal = x.reduce((s, v) => s + v * v, 0);
      expect(sqnrDb(signal, noise), name).toBeGreaterThan(30);
    }
  });

  it('of one step and one value is computed as written', async () => {
    // i, o, f, c of one hidden unit; x = 1 is code 255 of 255: only the weights are rounded, and 127 / 127 is exact
    const g = new GraphBuilder();
    const gates = [0.5, -1, 0.25, 2];
    const inputs = [
      g.input('x', [1, 1, 1]),
      g.constant('w', [1, 4, 1], gates),
      g.constant('r', [1, 4, 1], [1, 1, 1, 1]),
    ];
    g.node('lstm', 'LSTM', inputs, { hidden_size: 1 }, ['y']);
    const { model: written } = await dynamic(g.output('y').build());
    const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
    const cell = sigmoid(0.5) * Math.tanh(2);
    const hidden = sigmoid(-1) * Math.tanh(cell);
    const [y] = await output(written, { x: value([1, 1, 1], [1]) });
    expect(y).toBeCloseTo(hidden, 4);
  });

  it('without a bias gets one of zeros, with which its kernel is faster', async () => {
    const g = new GraphBuilder();
    const inputs = [
      g.input('x', [T, BATCH, IN]),
      g.random('w', [1, 64, IN]),
      g.random('r', [1, 64, 16]),
    ];
    g.node('lstm', 'LSTM', inputs, { hidden_size: HIDDEN }, ['y']);
    const { model: written } = await dynamic(g.output('y').build());
    const without = written.copy();
    const [node] = written.graph.node.filter((n) => n.opType === 'DynamicQuantizeLSTM');
    const bias = written.graph.initializer.find((t) => t.name === node!.input[3])!;
    expect(tensorDims(bias)).toEqual([1, 128]);
    expect([...floatData(bias)].every((v) => v === 0)).toBe(true);
    without.graph.node.find((n) => n.name === node!.name)!.input[3] = '';
    const feed = randomFeed(written);
    const [a, b] = [await outputs(written, feed), await outputs(without, feed)];
    expect(a.y!.data).toEqual(b.y!.data);
  });

  it('with the batch first is transposed around', async () => {
    const g = new GraphBuilder(14);
    const inputs = [
      g.input('x', [BATCH, T, IN]),
      g.random('w', [1, 64, IN]),
      g.random('r', [1, 64, 16]),
    ];
    g.node('lstm', 'LSTM', inputs, { hidden_size: HIDDEN, layout: 1 }, ['y']);
    const { executed, model: written } = await dynamic(g.output('y').build());
    expect(executed.get('lstm')).toEqual({ precision: 'int8', kernel: 'DynamicQuantizeLSTM' });
    const { y } = await outputs(written, randomFeed(written));
    expect(y!.dims).toEqual([BATCH, T, 1, HIDDEN]);
  });

  it.each<[string, () => Model]>([
    [
      'computed',
      () => {
        const g = new GraphBuilder();
        const w = g.node('k', 'Abs', [g.input('w', [1, 64, IN])]);
        g.node(
          'lstm',
          'LSTM',
          [g.input('x', [T, BATCH, IN]), w, g.random('r', [1, 64, 16])],
          { hidden_size: HIDDEN },
          ['y'],
        );
        return g.output('y').build();
      },
    ],
  ])('stays float where it is %s', async (part, build) => {
    const { model: prepared, context } = await prepare(build());
    const units = listUnits(prepared, context, () => 'float32');
    const { units: placed } = quantizeDynamic(prepared, units, new Set(), 'channel');
    expect(placed.find((u) => u.unit.name === 'lstm')!.reason).toContain(part);
  });
});
