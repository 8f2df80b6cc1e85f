/** Quantized models of every format, as floats again: compared with what they were, and with the runtime's own operators. */
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ClosenessAccumulator } from '../../src/numeric';
import {
  allNodes,
  floatData,
  inlineExternal,
  loadModel,
  makeTensor,
  serializeModel,
  type ElementType,
  type Feed,
  type Model,
} from '../../src/onnx';
import { validateModel } from '../../src/onnx/validate';
import { codeValues, dequantized } from '../../src/quantize/dequantize/constants';
import { dequantizeModel } from '../../src/quantize/dequantize';
import { quantizeDynamic } from '../../src/quantize/dynamic';
import { prepare } from '../../src/quantize/prepare';
import { isQuantizing } from '../../src/quantize/quantized-operators';
import { listUnits } from '../../src/quantize/units';
import { inferShapes } from '../../src/onnx/shapes';
import { optimizedGraph } from '../../src/runtime/optimized';
import { GraphBuilder, randomValues } from '../lib/graph';
import { WEIGHT_BITS } from '../lib/machine';
import { quantize } from '../lib/quantize';
import { output, outputs, randomFeed, randomFeeds, relativeDifference } from '../lib/runtime';
import { hasShared, SHARED } from '../lib/shared';

const ops = (model: Model) => [...allNodes(model.graph)].map((n) => n.opType);

/** De-quantizes, and checks that what comes out is valid and has no codes in it. */
async function floatAgain(model: Model): Promise<Model> {
  const { model: after, left } = await dequantizeModel(model);
  expect(left).toEqual([]);
  validateModel(after);
  expect([...allNodes(after.graph)].filter(isQuantizing)).toEqual([]);
  return after;
}

async function closeness(a: Model, b: Model, feeds: readonly Feed[]): Promise<number> {
  const sum = new ClosenessAccumulator();
  for (const feed of feeds) sum.add(await output(a, feed), await output(b, feed));
  return sum.sqnrDb;
}

/** Conv, Relu, MaxPool, Conv with Relu6, a residual Add, pools, Gemm. */
function network(): Model {
  const g = new GraphBuilder();
  const x = g.input('x', [1, 4, 8, 8]);
  const c1 = g.node('c1', 'Conv', [x, g.random('w1', [8, 4, 3, 3], 0.4), g.random('b1', [8])], {
    pads: [1, 1, 1, 1],
  });
  const p = g.node('p', 'MaxPool', [g.node('r1', 'Relu', [c1])], {
    kernel_shape: [2, 2],
    strides: [2, 2],
  });
  const c2 = g.node('c2', 'Conv', [p, g.random('w2', [8, 1, 3, 3], 0.5)], {
    pads: [1, 1, 1, 1],
    group: 8,
  });
  const six = g.node('six', 'Clip', [c2, g.constant('zero', [], [0]), g.constant('top', [], [6])]);
  const sum = g.node('sum', 'Add', [six, p]);
  const mean = g.node('mean', 'GlobalAveragePool', [g.node('r2', 'Relu', [sum])]);
  const flat = g.node('flat', 'Flatten', [mean]);
  g.output(g.node('fc', 'Gemm', [flat, g.random('w3', [8, 5]), g.random('b3', [5])]));
  return g.build();
}

describe('a static INT8 model', () => {
  it.each(['uint8', 'int8'] as const)('of %s comes back close to what it was', async (type) => {
    const q = await quantize(network(), { type });
    const after = await floatAgain(q.model);
    const feeds = randomFeeds(network(), 6);
    const [int8, float] = [
      await closeness(network(), q.model, feeds),
      await closeness(network(), after, feeds),
    ];
    expect(float).toBeGreaterThan(28);
    expect(float).toBeGreaterThan(int8);
  });

  it('keeps the Relu that its quantizer had taken in', async () => {
    const q = await quantize(network());
    expect(ops(q.model)).not.toContain('Relu');
    const after = await floatAgain(q.model);
    expect(ops(after).join(' ')).toBe(
      'Conv Clip MaxPool Conv Clip Add Clip GlobalAveragePool Flatten Gemm',
    );
  });

  it('weighs what its codes say, to the bit', async () => {
    const q = await quantize(network());
    const after = await floatAgain(q.model);
    const dq = q.model.graph.node.find((n) => n.output[0]?.startsWith('c1.weight'))!;
    const codes = q.model.graph.initializer.find((t) => t.name === dq.input[0])!;
    const conv = after.graph.node.find((n) => n.name === 'c1')!;
    const weight = floatData(after.graph.initializer.find((t) => t.name === conv.input[1])!);
    const scales = q.weightScales.get('c1')!;
    const perChannel = weight.length / scales.length;
    expect([...weight]).toEqual(
      [...codeValues(codes, null)!].map((c, i) =>
        Math.fround(c * scales[Math.floor(i / perChannel)]!),
      ),
    );
  });

  it('comes back from the operators that the runtime makes of it', async () => {
    const q = await quantize(network());
    const integer = await optimizedGraph(serializeModel(q.model), { optimization: 'extended' });
    expect(ops(integer)).toEqual(
      expect.arrayContaining(['QLinearConv', 'QLinearAdd', 'QLinearGlobalAveragePool', 'QGemm']),
    );
    const after = await floatAgain(integer);
    const feeds = randomFeeds(network(), 6);
    expect(await closeness(network(), after, feeds)).toBeGreaterThan(28);
    expect(after.domainVersion('com.microsoft')).toBeNull();
  });

  it('reads a tensor in one scale that was written in another', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', [1, 6]);
    const [s1, z1] = [
      g.constant('s1', [], [0.02]),
      g.tensor(makeTensor('z1', 'uint8', [], Uint8Array.of(128))),
    ];
    const [s2, z2] = [
      g.constant('s2', [], [0.05]),
      g.tensor(makeTensor('z2', 'uint8', [], Uint8Array.of(100))),
    ];
    const q = g.node('q', 'QuantizeLinear', [x, s1, z1]);
    g.output(g.node('d', 'DequantizeLinear', [q, s2, z2]));
    const model = g.build();
    const after = await floatAgain(model);
    const feed = randomFeed(model);
    // the codes of the one quantizer are half a step off at most
    const [a, b] = [await output(after, feed), await output(model, feed)];
    for (const [i, v] of b.entries()) expect(Math.abs(a[i]! - v)).toBeLessThanOrEqual(0.0251);
  });
});

describe('codes at the border of a model', () => {
  it('stay codes, and are listed', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', [1, 6], 'uint8');
    const [s, z] = [
      g.constant('s', [], [0.02]),
      g.tensor(makeTensor('z', 'uint8', [], Uint8Array.of(128))),
    ];
    const d = g.node('d', 'DequantizeLinear', [x, s, z]);
    const n = g.node('n', 'Neg', [
      g.node('m', 'DequantizeLinear', [g.node('q1', 'QuantizeLinear', [d, s, z]), s, z]),
    ]);
    g.node('q2', 'QuantizeLinear', [n, s, z], {}, ['y']);
    const model = g.output('y').build();
    model.graph.output[0]!.type = undefined;
    const { model: after, left, before } = await dequantizeModel(model);
    expect([before, left.map((l) => l.node)]).toEqual([4, ['d', expect.stringContaining('y')]]);
    const feed = {
      x: { type: 'uint8', dims: [1, 6], data: Uint8Array.of(0, 50, 100, 150, 200, 255) },
    } as Feed;
    expect((await outputs(after, feed)).y!.data).toEqual((await outputs(model, feed)).y!.data);
  });
});

describe('dynamic INT8', () => {
  const model = () => {
    const g = new GraphBuilder();
    const h = g.node('mm', 'MatMul', [g.input('x', [3, 16]), g.random('w', [16, 24])]);
    const a = g.node('act', 'Relu', [g.node('bias', 'Add', [h, g.random('b', [24])])]);
    return g
      .output(g.node('fc', 'Gemm', [a, g.random('v', [7, 24]), g.random('c', [7])], { transB: 1 }))
      .build();
  };

  it.each([
    ['DynamicQuantizeMatMul', model],
    [
      'DynamicQuantizeLSTM',
      () => {
        const g = new GraphBuilder();
        const [x, w, r, b] = [
          g.input('x', [5, 2, 8]),
          g.random('w', [2, 24, 8]),
          g.random('r', [2, 24, 6]),
          g.random('b', [2, 48]),
        ];
        const attributes = { hidden_size: 6, direction: 'bidirectional' };
        g.node('lstm', 'LSTM', [x, w, r, b], attributes, ['y', 'h', 'c']);
        return g.output('y', 'h', 'c').build();
      },
    ],
  ])('of %s comes back with its weights rounded alone', async (op, make) => {
    const { model: prepared, context } = await prepare(make());
    const shapes = inferShapes(prepared);
    const units = listUnits(prepared, context, (t) => shapes.get(t)?.type);
    const { model: q } = quantizeDynamic(prepared, units, new Set(), 'channel');
    expect(ops(q)).toContain(op);
    const after = await floatAgain(q);
    expect(await closeness(make(), after, randomFeeds(make(), 4))).toBeGreaterThan(40);
  });

  it.each([
    ['a Cast and two scales', 24, true],
    ['one scale for all', 1, false],
  ])('as DynamicQuantizeLinear and MatMulInteger, with %s', async (_, scales, bias) => {
    const g = new GraphBuilder();
    const x = g.input('x', [3, 16]);
    g.node('dq', 'DynamicQuantizeLinear', [x], {}, ['q', 's', 'z']);
    const top = 2 ** (WEIGHT_BITS - 1) - 1;
    const codes = Int8Array.from(randomValues(16 * 24, 'codes', -top, top));
    g.tensor(makeTensor('w', 'int8', [16, 24], codes));
    g.tensor(makeTensor('wz', 'int8', scales > 1 ? [24] : [], new Int8Array(scales).fill(3)));
    g.constant('ws', scales > 1 ? [24] : [], randomValues(scales, 'ws', 0.001, 0.01));
    const product = g.node('mm', 'MatMulInteger', ['q', 'w', 'z', 'wz']);
    const cast = g.node('cast', 'Cast', [product], { to: 1 });
    let y = g.node('scale', 'Mul', [cast, g.node('both', 'Mul', ['s', 'ws'])]);
    if (bias) y = g.node('add', 'Add', [y, g.random('b', [24])]);
    const model = g.output(y).build();
    const after = await floatAgain(model);
    expect(ops(after)).toEqual(bias ? ['MatMul', 'Add'] : ['MatMul']);
    expect(await closeness(model, after, randomFeeds(model, 4))).toBeGreaterThan(40);
    // fused by the runtime, it is another operator again
    const fused = await optimizedGraph(serializeModel(model), { optimization: 'extended' });
    expect(ops(fused).join()).toMatch(/DynamicQuantizeMatMul|MatMulIntegerToFloat/);
    expect(await closeness(after, await floatAgain(fused), randomFeeds(model, 4))).toBeGreaterThan(
      90,
    );
  });

  it('as ConvInteger', async () => {
    const g = new GraphBuilder();
    g.node('dq', 'DynamicQuantizeLinear', [g.input('x', [1, 3, 6, 6])], {}, ['q', 's', 'z']);
    g.tensor(
      makeTensor('w', 'int8', [4, 3, 3, 3], Int8Array.from(randomValues(108, 'codes', -127, 127))),
    );
    g.tensor(makeTensor('wz', 'int8', [], Int8Array.of(0)));
    const product = g.node('conv', 'ConvInteger', ['q', 'w', 'z', 'wz'], { pads: [1, 1, 1, 1] });
    const cast = g.node('cast', 'Cast', [product], { to: 1 });
    const scales = g.constant('ws', [4, 1, 1], [0.01, 0.02, 0.03, 0.04]);
    g.output(g.node('scale', 'Mul', [cast, g.node('both', 'Mul', ['s', scales])]));
    const after = await floatAgain(g.build());
    expect(ops(after)).toEqual(['Conv']);
    expect(await closeness(g.build(), after, randomFeeds(g.build(), 4))).toBeGreaterThan(38);
  });
});

describe('weights alone', () => {
  it.each([
    [4, 32, 'none'],
    [4, 16, 'uint8'],
    [4, 32, 'float'],
    [8, 32, 'uint8'],
  ])('of MatMulNBits in %i bits, blocks of %i, zero points: %s', async (bits, block, zeros) => {
    const [K, N] = [96, 5];
    const blocks = K / block;
    const bytes = (count: number, seed: string) =>
      Uint8Array.from(randomValues(count, seed, 0, 255.9), Math.floor);
    const g = new GraphBuilder(17);
    const x = g.input('x', [3, K]);
    const blob = (block * bits) / 8;
    g.tensor(makeTensor('b', 'uint8', [N, blocks, blob], bytes(N * blocks * blob, 'b')));
    g.constant('s', [N * blocks], randomValues(N * blocks, 's', 0.001, 0.02));
    const perRow = Math.ceil((blocks * bits) / 8);
    if (zeros === 'uint8') g.tensor(makeTensor('z', 'uint8', [N * perRow], bytes(N * perRow, 'z')));
    if (zeros === 'float') g.constant('z', [N * blocks], randomValues(N * blocks, 'z', 6, 9));
    const inputs = [x, 'b', 's', ...(zeros === 'none' ? [] : ['z'])];
    g.node('mm', 'MatMulNBits', inputs, { K, N, bits, block_size: block }, ['y'], 'com.microsoft');
    const model = g.output('y').build();
    const after = await floatAgain(model);
    const feed = randomFeed(model);
    expect(relativeDifference(await output(after, feed), await output(model, feed))).toBeLessThan(
      1e-5,
    );
  });

  it('of an embedding in blocks', async () => {
    const g = new GraphBuilder(21, 10);
    const indices = g.input('i', [3], 'int64');
    const codes = Uint8Array.from(randomValues(8 * 16, 'codes', 0, 255.9), Math.floor);
    g.tensor(makeTensor('data', 'uint4', [8, 32], codes));
    g.constant('s', [8, 2], randomValues(16, 's', 0.001, 0.02));
    g.tensor(
      makeTensor('z', 'uint4', [8, 2], Uint8Array.from(randomValues(8, 'z', 0, 255.9), Math.floor)),
    );
    g.node(
      'gather',
      'GatherBlockQuantized',
      ['data', indices, 's', 'z'],
      { block_size: 16, quantize_axis: 1 },
      ['y'],
      'com.microsoft',
    );
    const model = g.output('y').build();
    const after = await floatAgain(model);
    const feed = { i: { type: 'int64', dims: [3], data: BigInt64Array.of(5n, 0n, 7n) } } as Feed;
    expect(relativeDifference(await output(after, feed), await output(model, feed))).toBeLessThan(
      1e-6,
    );
  });

  it('of a Gather over codes that are dequantized behind it', async () => {
    const g = new GraphBuilder();
    const indices = g.input('i', [3], 'int64');
    g.tensor(makeTensor('table', 'int8', [8, 4], Int8Array.from(randomValues(32, 't', -127, 127))));
    g.constant('s', [], [0.03]);
    g.tensor(makeTensor('z', 'int8', [], Int8Array.of(2)));
    g.output(
      g.node('d', 'DequantizeLinear', [g.node('gather', 'Gather', ['table', indices]), 's', 'z']),
    );
    const model = g.build();
    const after = await floatAgain(model);
    const feed = { i: { type: 'int64', dims: [3], data: BigInt64Array.of(5n, 0n, 7n) } } as Feed;
    expect(relativeDifference(await output(after, feed), await output(model, feed))).toBeLessThan(
      1e-6,
    );
  });
});

describe('codes of a constant', () => {
  const layouts: [string, ElementType, number[], number[], number, number][] = [
    ['one scale', 'uint8', [3, 4], [], 1, 0],
    ['a scale per row', 'int8', [3, 4], [3], 0, 0],
    ['a scale per channel of an image', 'int16', [2, 3, 2, 2], [3], 1, 0],
    ['a scale per column, from behind', 'uint16', [3, 4], [4], -1, 0],
    ['a scale per block of four rows', 'int8', [8, 3], [2, 3], 0, 4],
    ['4 bits in blocks along the columns', 'int4', [3, 8], [3, 2], 1, 4],
    ['4 bits without a sign, an odd number of them', 'uint4', [3, 3], [3], 0, 0],
    ['32 bits', 'int32', [5], [], 0, 0],
  ];
  it.each(layouts)(
    'with %s (%s) are what the runtime makes of them',
    async (_, type, dims, shape, axis, block) => {
      const n = dims.reduce((a, b) => a * b, 1);
      const count = shape.reduce((a, b) => a * b, 1);
      const bits = type.endsWith('4') ? 4 : 0;
      const raw = (size: number, seed: string) => {
        const values = randomValues(size, seed, 0, 120);
        if (bits)
          return Uint8Array.from(randomValues(Math.ceil(size / 2), seed, 0, 255.9), Math.floor);
        const make = {
          uint8: Uint8Array,
          int8: Int8Array,
          int16: Int16Array,
          uint16: Uint16Array,
          int32: Int32Array,
        }[type as 'int8'];
        return make.from(values);
      };
      const g = new GraphBuilder(21, 10);
      const codes = makeTensor('c', type, dims, raw(n, 'codes'));
      const zeros = type === 'int32' ? null : makeTensor('z', type, shape, raw(count, 'zeros'));
      const scales = randomValues(count, 'scales', 0.001, 0.1);
      g.constant('s', shape, scales);
      g.tensor(codes);
      if (zeros) g.tensor(zeros);
      const attributes = { axis, ...(block ? { block_size: block } : {}) };
      const d = g.node('d', 'DequantizeLinear', ['c', 's', ...(zeros ? ['z'] : [])], attributes);
      g.output(g.node('a', 'Add', [d, g.input('x', [])]));
      const want = await output(g.build(), {
        x: { type: 'float32', dims: [], data: Float32Array.of(0) },
      });
      const got = dequantized(
        codeValues(codes, null)!,
        dims,
        scales,
        zeros && codeValues(zeros, null),
        { axis, blockSize: block },
      );
      expect([...got!]).toEqual([...want]);
    },
  );
});

describe.skipIf(!hasShared)('open models that were quantized', () => {
  it.each([
    ['conv_qdq_s8s8.onnx', -100, 100],
    ['conv_qdq_external_ini.onnx', -100, 100],
    ['conv.int4_weights.qdq.onnx', 0, 1],
  ])('%s runs as floats, close to what it was', async (name, low, high) => {
    const model = await loadModel(path.join(SHARED, 'backend/ort/onnxruntime/test/testdata', name));
    const { model: after, before, after: rest } = await dequantizeModel(model);
    expect([before > 0, rest]).toEqual([true, 0]);
    validateModel(after);
    const feed = randomFeed(model, 1, low, high);
    const whole = inlineExternal(model);
    const [a, b] = [await outputs(after, feed), await outputs(whole, feed)];
    for (const [key, { data }] of Object.entries(b)) {
      const sum = new ClosenessAccumulator();
      sum.add(data as Float32Array, a[key]!.data as Float32Array);
      expect(sum.sqnrDb).toBeGreaterThan(20);
    }
  });
});
