import { describe, expect, it } from 'vitest';
import { tensorType } from '../../src/onnx';
import { constantOf, countOps, GraphBuilder, printGraph } from '../lib/graph';
import { placed, type PlaceOptions } from '../lib/place';

const IMAGE = [1, 4, 8, 8];
const POSITIVE = { scale: 0.1, zeroPoint: 0 };

/** A graph of one input `x`; the nodes that `build` adds end in the outputs that it returns. */
function graph(build: (g: GraphBuilder, x: string) => string | string[], shape = IMAGE) {
  const g = new GraphBuilder();
  const names = build(g, g.input('x', shape));
  return g.output(...[names].flat()).build();
}
const conv = (g: GraphBuilder, name: string, x: string, bias = false) =>
  g.node(name, 'Conv', [
    x,
    g.random(`${name}.w`, [4, 4, 1, 1]),
    ...(bias ? [g.random(`${name}.b`, [4])] : []),
  ]);
const written = (model: ReturnType<typeof graph>, options?: PlaceOptions) =>
  placed(model, options).written.model;

describe('writeQdq', () => {
  it('Conv → Relu: the quantizer of a range that begins at 0 is the Relu', () => {
    const model = graph((g, x) => g.node('relu', 'Relu', [conv(g, 'c', x, true)]));
    expect(printGraph(written(model, { params: { relu_out: POSITIVE } }))).toMatchInlineSnapshot(`
      "(x float32[1,4,8,8])
      x_quantized = QuantizeLinear(x, x_scale[], x_zero_point:uint8[])
      x_dequantized = DequantizeLinear(x_quantized, x_scale[], x_zero_point:uint8[])
      c.weight_dequantized = DequantizeLinear(c.w_quantized:int8[4,4,1,1], c.w_scale[4], c.w_zero_point:int8[4]) {axis=0}
      c.bias_dequantized = DequantizeLinear(c.b_quantized:int32[4], c.b_scale[4], c.b_zero_point:int32[4]) {axis=0}
      c: relu_out_unquantized = Conv(x_dequantized, c.weight_dequantized, c.bias_dequantized)
      relu_out_quantized = QuantizeLinear(relu_out_unquantized, relu_out_scale[], relu_out_zero_point:uint8[])
      relu_out = DequantizeLinear(relu_out_quantized, relu_out_scale[], relu_out_zero_point:uint8[])
      → relu_out"
    `);
    const signed = written(model);
    expect(countOps(signed)).toMatchObject({ Relu: 1, QuantizeLinear: 2 });
  });

  it.each([
    ['its range ends at 6', 6 / 255, 0],
    ['its range ends before', 4 / 255, 0],
  ])('Conv → Clip(0, 6) goes where %s', (_, scale, Clip) => {
    const model = graph((g, x) =>
      g.node('clip', 'Clip', [
        conv(g, 'c', x),
        g.constant('low', [], [0]),
        g.constant('high', [], [6]),
      ]),
    );
    const params = { clip_out: { scale, zeroPoint: 0 } };
    expect(countOps(written(model, { params })).Clip ?? 0).toBe(Clip);
  });

  it.each([
    ['its range goes on', { scale: 8 / 255, zeroPoint: 0 }],
    ['its range goes below', { scale: 6 / 255, zeroPoint: 3 }],
  ])('Conv → Clip(0, 6) stays where %s', (_, clip_out) => {
    const model = graph((g, x) =>
      g.node('clip', 'Clip', [
        conv(g, 'c', x),
        g.constant('low', [], [0]),
        g.constant('high', [], [6]),
      ]),
    );
    expect(countOps(written(model, { params: { clip_out } })).Clip).toBe(1);
  });

  it('a residual Add reads both sides as integers', () => {
    const model = graph((g, x) => {
      const a = conv(g, 'a', x);
      const sum = g.node('add', 'Add', [conv(g, 'b', a), a]);
      return conv(g, 'last', sum);
    });
    expect(printGraph(written(model))).toMatchInlineSnapshot(`
      "(x float32[1,4,8,8])
      x_quantized = QuantizeLinear(x, x_scale[], x_zero_point:uint8[])
      x_dequantized = DequantizeLinear(x_quantized, x_scale[], x_zero_point:uint8[])
      a.weight_dequantized = DequantizeLinear(a.w_quantized:int8[4,4,1,1], a.w_scale[4], a.w_zero_point:int8[4]) {axis=0}
      a: a_out = Conv(x_dequantized, a.weight_dequantized)
      a_out_quantized = QuantizeLinear(a_out, a_out_scale[], a_out_zero_point:uint8[])
      a_out_dequantized = DequantizeLinear(a_out_quantized, a_out_scale[], a_out_zero_point:uint8[])
      b.weight_dequantized = DequantizeLinear(b.w_quantized:int8[4,4,1,1], b.w_scale[4], b.w_zero_point:int8[4]) {axis=0}
      b: b_out = Conv(a_out_dequantized, b.weight_dequantized)
      b_out_quantized = QuantizeLinear(b_out, b_out_scale[], b_out_zero_point:uint8[])
      b_out_dequantized = DequantizeLinear(b_out_quantized, b_out_scale[], b_out_zero_point:uint8[])
      add: add_out = Add(b_out_dequantized, a_out_dequantized)
      add_out_quantized = QuantizeLinear(add_out, add_out_scale[], add_out_zero_point:uint8[])
      add_out_dequantized = DequantizeLinear(add_out_quantized, add_out_scale[], add_out_zero_point:uint8[])
      last.weight_dequantized = DequantizeLinear(last.w_quantized:int8[4,4,1,1], last.w_scale[4], last.w_zero_point:int8[4]) {axis=0}
      last: last_out_unquantized = Conv(add_out_dequantized, last.weight_dequantized)
      last_out_quantized = QuantizeLinear(last_out_unquantized, last_out_scale[], last_out_zero_point:uint8[])
      last_out = DequantizeLinear(last_out_quantized, last_out_scale[], last_out_zero_point:uint8[])
      → last_out"
    `);
  });

  it('an average pool has its own scale, a max pool that of its input', () => {
    const model = graph((g, x) => {
      const max = g.node('max', 'MaxPool', [conv(g, 'a', x)], { kernel_shape: [2, 2] });
      const average = g.node('average', 'AveragePool', [max], { kernel_shape: [2, 2] });
      return conv(g, 'last', average);
    });
    const { placement, written: result } = placed(model);
    expect(Object.fromEntries(placement.quantized)).toMatchObject({
      max_out: 'a_out',
      average_out: 'average_out',
    });
    const scaleOf = (name: string) =>
      result.model.graph.node.find((n) => n.input[0] === name && n.opType === 'QuantizeLinear')!
        .input[1];
    expect(scaleOf('max_out')).toBe('a_out_scale');
    expect(scaleOf('average_out')).toBe('average_out_scale');
  });

  it('Concat brings its inputs to one scale', () => {
    const model = graph((g, x) => {
      const both = g.node('cat', 'Concat', [conv(g, 'a', x), conv(g, 'b', x)], { axis: 1 });
      return g.node('last', 'Conv', [both, g.random('last.w', [4, 8, 1, 1])]);
    });
    expect(printGraph(written(model))).toMatchInlineSnapshot(`
      "(x float32[1,4,8,8])
      x_quantized = QuantizeLinear(x, x_scale[], x_zero_point:uint8[])
      x_dequantized = DequantizeLinear(x_quantized, x_scale[], x_zero_point:uint8[])
      a.weight_dequantized = DequantizeLinear(a.w_quantized:int8[4,4,1,1], a.w_scale[4], a.w_zero_point:int8[4]) {axis=0}
      a: a_out = Conv(x_dequantized, a.weight_dequantized)
      a_out_quantized = QuantizeLinear(a_out, a_out_scale[], a_out_zero_point:uint8[])
      a_out_dequantized = DequantizeLinear(a_out_quantized, a_out_scale[], a_out_zero_point:uint8[])
      b.weight_dequantized = DequantizeLinear(b.w_quantized:int8[4,4,1,1], b.w_scale[4], b.w_zero_point:int8[4]) {axis=0}
      b: b_out = Conv(x_dequantized, b.weight_dequantized)
      b_out_quantized = QuantizeLinear(b_out, b_out_scale[], b_out_zero_point:uint8[])
      b_out_dequantized = DequantizeLinear(b_out_quantized, b_out_scale[], b_out_zero_point:uint8[])
      cat: cat_out = Concat(a_out_dequantized, b_out_dequantized) {axis=1}
      cat_out_quantized = QuantizeLinear(cat_out, cat_out_scale[], cat_out_zero_point:uint8[])
      cat_out_dequantized = DequantizeLinear(cat_out_quantized, cat_out_scale[], cat_out_zero_point:uint8[])
      last.weight_dequantized = DequantizeLinear(last.w_quantized:int8[4,8,1,1], last.w_scale[4], last.w_zero_point:int8[4]) {axis=0}
      last: last_out_unquantized = Conv(cat_out_dequantized, last.weight_dequantized)
      last_out_quantized = QuantizeLinear(last_out_unquantized, last_out_scale[], last_out_zero_point:uint8[])
      last_out = DequantizeLinear(last_out_quantized, last_out_scale[], last_out_zero_point:uint8[])
      → last_out"
    `);
  });

  it('Split gives all its outputs the scale of its input', () => {
    const model = graph((g, x) => {
      g.node('split', 'Split', [conv(g, 'a', x)], { axis: 1 }, ['left', 'right']);
      return ['left', 'right'].map((half) =>
        g.node(half, 'Conv', [half, g.random(`${half}.w`, [4, 2, 1, 1])], {}, [`${half}_out`]),
      );
    });
    expect(printGraph(written(model))).toMatchInlineSnapshot(`
      "(x float32[1,4,8,8])
      x_quantized = QuantizeLinear(x, x_scale[], x_zero_point:uint8[])
      x_dequantized = DequantizeLinear(x_quantized, x_scale[], x_zero_point:uint8[])
      a.weight_dequantized = DequantizeLinear(a.w_quantized:int8[4,4,1,1], a.w_scale[4], a.w_zero_point:int8[4]) {axis=0}
      a: a_out = Conv(x_dequantized, a.weight_dequantized)
      a_out_quantized = QuantizeLinear(a_out, a_out_scale[], a_out_zero_point:uint8[])
      a_out_dequantized = DequantizeLinear(a_out_quantized, a_out_scale[], a_out_zero_point:uint8[])
      split: left, right = Split(a_out_dequantized) {axis=1}
      left_quantized = QuantizeLinear(left, a_out_scale[], a_out_zero_point:uint8[])
      left_dequantized = DequantizeLinear(left_quantized, a_out_scale[], a_out_zero_point:uint8[])
      right_quantized = QuantizeLinear(right, a_out_scale[], a_out_zero_point:uint8[])
      right_dequantized = DequantizeLinear(right_quantized, a_out_scale[], a_out_zero_point:uint8[])
      left.weight_dequantized = DequantizeLinear(left.w_quantized:int8[4,2,1,1], left.w_scale[4], left.w_zero_point:int8[4]) {axis=0}
      left: left_out_unquantized = Conv(left_dequantized, left.weight_dequantized)
      left_out_quantized = QuantizeLinear(left_out_unquantized, left_out_scale[], left_out_zero_point:uint8[])
      left_out = DequantizeLinear(left_out_quantized, left_out_scale[], left_out_zero_point:uint8[])
      right.weight_dequantized = DequantizeLinear(right.w_quantized:int8[4,2,1,1], right.w_scale[4], right.w_zero_point:int8[4]) {axis=0}
      right: right_out_unquantized = Conv(right_dequantized, right.weight_dequantized)
      right_out_quantized = QuantizeLinear(right_out_unquantized, right_out_scale[], right_out_zero_point:uint8[])
      right_out = DequantizeLinear(right_out_quantized, right_out_scale[], right_out_zero_point:uint8[])
      → left_out, right_out"
    `);
  });

  it('leaves Softmax and what enters it float', () => {
    const model = graph(
      (g, x) => {
        const scores = g.node('q', 'MatMul', [x, g.random('q.w', [8, 8])]);
        const share = g.node('softmax', 'Softmax', [scores], { axis: -1 });
        return g.node('v', 'MatMul', [share, g.random('v.w', [8, 8])]);
      },
      [2, 8],
    );
    expect(printGraph(written(model))).toMatchInlineSnapshot(`
      "(x float32[2,8])
      x_quantized = QuantizeLinear(x, x_scale[], x_zero_point:uint8[])
      x_dequantized = DequantizeLinear(x_quantized, x_scale[], x_zero_point:uint8[])
      q.weight_dequantized = DequantizeLinear(q.w_quantized:int8[8,8], q.w_scale[8], q.w_zero_point:int8[8]) {axis=1}
      q: q_out = MatMul(x_dequantized, q.weight_dequantized)
      softmax: softmax_out = Softmax(q_out) {axis=-1}
      softmax_out_quantized = QuantizeLinear(softmax_out, softmax_out_scale[], softmax_out_zero_point:uint8[])
      softmax_out_dequantized = DequantizeLinear(softmax_out_quantized, softmax_out_scale[], softmax_out_zero_point:uint8[])
      v.weight_dequantized = DequantizeLinear(v.w_quantized:int8[8,8], v.w_scale[8], v.w_zero_point:int8[8]) {axis=1}
      v: v_out = MatMul(softmax_out_dequantized, v.weight_dequantized)
      → v_out"
    `);
  });

  it('quantizes an input once for all integer readers, and lets float readers have it as it is', () => {
    const model = graph((g, x) => [conv(g, 'a', x), conv(g, 'b', x), g.node('exp', 'Exp', [x])]);
    const result = written(model);
    const readers = result.graph.node.filter((n) => n.input.includes('x')).map((n) => n.opType);
    expect(readers).toEqual(['Exp', 'QuantizeLinear']);
    expect(countOps(result)).toMatchObject({ QuantizeLinear: 3, DequantizeLinear: 5 });
  });

  it('an output that is read inside too keeps its name and its value', () => {
    const model = graph((g, x) => {
      const a = conv(g, 'a', x);
      return [a, conv(g, 'b', a)];
    });
    expect(printGraph(written(model))).toMatchInlineSnapshot(`
      "(x float32[1,4,8,8])
      x_quantized = QuantizeLinear(x, x_scale[], x_zero_point:uint8[])
      x_dequantized = DequantizeLinear(x_quantized, x_scale[], x_zero_point:uint8[])
      a.weight_dequantized = DequantizeLinear(a.w_quantized:int8[4,4,1,1], a.w_scale[4], a.w_zero_point:int8[4]) {axis=0}
      a: a_out_unquantized = Conv(x_dequantized, a.weight_dequantized)
      a_out_quantized = QuantizeLinear(a_out_unquantized, a_out_scale[], a_out_zero_point:uint8[])
      a_out = DequantizeLinear(a_out_quantized, a_out_scale[], a_out_zero_point:uint8[])
      b.weight_dequantized = DequantizeLinear(b.w_quantized:int8[4,4,1,1], b.w_scale[4], b.w_zero_point:int8[4]) {axis=0}
      b: b_out_unquantized = Conv(a_out, b.weight_dequantized)
      b_out_quantized = QuantizeLinear(b_out_unquantized, b_out_scale[], b_out_zero_point:uint8[])
      b_out = DequantizeLinear(b_out_quantized, b_out_scale[], b_out_zero_point:uint8[])
      → a_out, b_out"
    `);
  });

  it('gives a batch of matrices one scale a column', () => {
    const model = graph((g, x) => g.node('m', 'MatMul', [x, g.random('w', [8, 4])]), [2, 3, 8]);
    expect(printGraph(written(model))).toMatchInlineSnapshot(`
      "(x float32[2,3,8])
      x_quantized = QuantizeLinear(x, x_scale[], x_zero_point:uint8[])
      x_dequantized = DequantizeLinear(x_quantized, x_scale[], x_zero_point:uint8[])
      m.weight_dequantized = DequantizeLinear(w_quantized:int8[8,4], w_scale[4], w_zero_point:int8[4]) {axis=1}
      m: m_out = MatMul(x_dequantized, m.weight_dequantized)
      → m_out"
    `);
  });

  it.each([
    [0, 1],
    [1, 0],
  ])('gives Gemm with transB = %d its scales along axis %d', (transB, axis) => {
    const model = graph(
      (g, x) => g.node('g', 'Gemm', [x, g.random('w', [8, 8])], { transB }),
      [2, 8],
    );
    const text = printGraph(written(model));
    expect(text).toContain(
      `DequantizeLinear(w_quantized:int8[8,8], w_scale[8], w_zero_point:int8[8]) {axis=${axis}}`,
    );
  });

  it('writes shared weights once and leaves no FP32 copy behind', () => {
    const model = graph((g, x) => {
      const w = g.random('w', [4, 4, 1, 1]);
      return g.node('b', 'Conv', [g.node('a', 'Conv', [x, w]), w]);
    });
    const names = written(model).graph.initializer.map((t) => t.name);
    expect(names.filter((n) => n.startsWith('w'))).toEqual([
      'w_quantized',
      'w_scale',
      'w_zero_point',
    ]);
  });

  it('leaves the FP32 copy where a float layer reads it', () => {
    const model = graph((g, x) => {
      const w = g.random('w', [4, 4, 1, 1]);
      return g.node('b', 'Conv', [g.node('a', 'Conv', [x, w]), w]);
    });
    const names = written(model, { keep: new Set(['b']) }).graph.initializer.map((t) => t.name);
    expect(names.filter((n) => n.startsWith('w'))).toEqual([
      'w',
      'w_quantized',
      'w_scale',
      'w_zero_point',
    ]);
  });

  it('writes raw_data, always', () => {
    const model = graph((g, x) => conv(g, 'a', conv(g, 'b', x, true), true));
    for (const tensor of written(model).graph.initializer) {
      expect(tensor.rawData.length, tensor.name).toBeGreaterThan(0);
      expect([tensor.floatData, tensor.int32Data, tensor.int64Data]).toEqual([[], [], []]);
    }
  });

  it('drops declared types of tensors that are gone', () => {
    const g = new GraphBuilder();
    const c = conv(g, 'c', g.input('x', IMAGE));
    g.declare(c, IMAGE)
      .declare('relu_out', IMAGE)
      .output(g.node('relu', 'Relu', [c]));
    const result = written(g.build(), { params: { relu_out: POSITIVE } });
    expect(result.graph.valueInfo.map((v) => v.name)).toEqual(['relu_out']);
  });

  it('leaves the given model as it is', () => {
    const model = graph((g, x) => g.node('relu', 'Relu', [conv(g, 'c', x)]));
    const before = printGraph(model);
    written(model, { params: { relu_out: POSITIVE } });
    expect(printGraph(model)).toBe(before);
  });

  it('has the codes of every quantized tensor at the name that it says', () => {
    const model = graph((g, x) => conv(g, 'b', g.node('r', 'Relu', [conv(g, 'a', x)])));
    const { codes, model: result } = placed(model).written;
    const outputs = new Set(result.graph.node.flatMap((n) => n.output));
    expect([...codes.keys()]).toEqual(['x', 'r_out', 'b_out']);
    for (const { quantized, dequantized } of codes.values())
      expect([outputs.has(quantized), outputs.has(dequantized)]).toEqual([true, true]);
  });

  it('has int32 biases with the product of both scales', () => {
    const model = graph((g, x) => conv(g, 'c', x, true));
    const result = written(model);
    expect(tensorType(constantOf(result, 'c.b_quantized'))).toBe('int32');
    expect(tensorType(constantOf(result, 'c.b_zero_point'))).toBe('int32');
  });
});
