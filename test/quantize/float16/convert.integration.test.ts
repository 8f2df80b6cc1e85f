/** Graphs before and after becoming float16, and what the runtime makes of them. */
import { describe, expect, it } from 'vitest';
import { fromHalf, toHalf, toHalfArray } from '../../../src/numeric';
import { allTensors, serializeModel, tensorType, valueType, type Model } from '../../../src/onnx';
import { flawsOf } from '../../../src/onnx/check-written';
import { convertToFloat16, type WrittenFloat16 } from '../../../src/quantize/float16/convert';
import type { DecideOptions } from '../../../src/quantize/float16/decide';
import { because } from '../../../src/quantize/float16/reasons';
import { float, GraphBuilder, nodeOf, printGraph, randomValues } from '../../lib/graph';
import { output, outputs, randomFeed, relativeDifference } from '../../lib/runtime';
import { floats, graph, ints, model, op } from '../../onnx/build';

const keepIo: DecideOptions = { keepIo: true };
const kept = because('kept', 'the recipe says so');
const codes = ({ nodes }: WrittenFloat16) =>
  Object.fromEntries([...nodes].map(([name, d]) => [name, d.reason?.code ?? d.form]));

/** Converts, checks the graph, and gives its text. */
function text(before: Model, options: DecideOptions = keepIo): string {
  const { model: after } = convertToFloat16(before, options);
  if (options.keepIo) expect(flawsOf(after, before)).toEqual([]);
  return printGraph(after);
}

/** Runs both on the same values; float16 is within `tolerance` of the largest output. */
async function closeTo(before: Model, options: DecideOptions = keepIo, tolerance = 2e-3) {
  const { model: after } = convertToFloat16(before, options);
  const feed = randomFeed(before);
  const exact = await output(before, feed);
  expect(relativeDifference(await output(after, feed), exact)).toBeLessThan(tolerance);
}

function perceptron(): Model {
  const g = new GraphBuilder();
  g.node('fc1', 'Gemm', [g.input('x', [2, 8]), g.random('w1', [8, 6]), g.random('b1', [6])]);
  g.node('relu', 'Relu', ['fc1_out']);
  g.node('fc2', 'Gemm', ['relu_out', g.random('w2', [6, 3]), g.random('b2', [3])], {}, ['y']);
  return g.output('y').declare('relu_out', [2, 6]).build();
}

describe('a model in float16', () => {
  it('has Casts at its borders and halves inside', async () => {
    expect(text(perceptron())).toMatchInlineSnapshot(`
      "(x float32[2,8])
      x/Cast: x_float16 = Cast(x) {to=10}
      fc1: fc1_out = Gemm(x_float16, w1:float16[8,6], b1:float16[6])
      relu: relu_out = Relu(fc1_out)
      fc2: y_float16 = Gemm(relu_out, w2:float16[6,3], b2:float16[3])
      y_float16/Cast: y = Cast(y_float16) {to=1}
      → y"
    `);
    await closeTo(perceptron());
  });

  it('rounds every weight to the nearest half, written once as raw data', () => {
    const { model: after } = convertToFloat16(perceptron(), keepIo);
    const w = after.graph.initializer.find((t) => t.name === 'w1')!;
    const values = randomValues(48, 'w1', -1, 1);
    expect(new Uint16Array(w.rawData.slice().buffer)).toEqual(toHalfArray(values));
    expect(after.graph.initializer.map((t) => tensorType(t))).toEqual(Array(4).fill('float16'));
  });

  it('takes float16 where inputs and outputs need not stay', async () => {
    const { model: after } = convertToFloat16(perceptron(), { keepIo: false });
    expect(printGraph(after)).toMatchInlineSnapshot(`
      "(x float16[2,8])
      fc1: fc1_out = Gemm(x, w1:float16[8,6], b1:float16[6])
      relu: relu_out = Relu(fc1_out)
      fc2: y = Gemm(relu_out, w2:float16[6,3], b2:float16[3])
      → y"
    `);
    const x = randomValues(16, 'x');
    const got = await outputs(after, {
      x: { type: 'float16', dims: [2, 8], data: toHalfArray(x) },
    });
    expect(got['y']!.type).toBe('float16');
  });

  it('keeps a layer in float32 between Casts, with its own weights', async () => {
    const options = {
      keepIo: true,
      keep: new Map([
        ['fc1', kept],
        ['relu', kept],
      ]),
    };
    expect(text(perceptron(), options)).toMatchInlineSnapshot(`
      "(x float32[2,8])
      fc1: fc1_out = Gemm(x, w1[8,6], b1[6])
      relu: relu_out = Relu(fc1_out)
      relu_out/Cast: relu_out_float16 = Cast(relu_out) {to=10}
      fc2: y_float16 = Gemm(relu_out_float16, w2:float16[6,3], b2:float16[3])
      y_float16/Cast: y = Cast(y_float16) {to=1}
      → y"
    `);
    await closeTo(perceptron(), options);
  });

  it('keeps what writes and reads a tensor that does not fit', () => {
    const wide = new Map([['relu_out', because('range', 'too large', 1e5)]]);
    expect(codes(convertToFloat16(perceptron(), { keepIo: true, wide }))).toEqual({
      fc1: 'half',
      relu: 'range',
      fc2: 'range',
    });
  });
});

describe('constants', () => {
  it('that some want in float32 stay so, and are cast for the others', () => {
    const g = new GraphBuilder();
    g.random('w', [4, 4]);
    g.node('a', 'MatMul', [g.input('x', [4, 4]), 'w']);
    g.node('b', 'MatMul', ['a_out', 'w'], {}, ['y']);
    const before = g.output('y').build();
    const options = { keepIo: true, keep: new Map([['b', kept]]) };
    expect(text(before, options)).toMatchInlineSnapshot(`
      "(x float32[4,4])
      x/Cast: x_float16 = Cast(x) {to=10}
      w/Cast: w_float16 = Cast(w[4,4]) {to=10}
      a: a_out = MatMul(x_float16, w_float16)
      a_out/Cast: a_out_float32 = Cast(a_out) {to=1}
      b: y = MatMul(a_out_float32, w[4,4])
      → y"
    `);
  });

  it('that are an output keep their name and type', async () => {
    const g = new GraphBuilder();
    g.node('add', 'Add', [g.input('x', [2]), g.constant('c', [2], [1, 0.1])], {}, ['y']);
    const before = g.output('y', 'c').build();
    const { model: after } = convertToFloat16(before, keepIo);
    const got = await outputs(after, randomFeed(before));
    expect([...(got['c']!.data as Float32Array)]).toEqual([1, Math.fround(0.1)]);
  });

  it('of ConstantOfShape become half with it', async () => {
    const g = new GraphBuilder();
    g.ints('shape', [2]);
    g.node('ones', 'ConstantOfShape', ['shape']);
    g.node('add', 'Add', ['ones_out', g.input('x', [2])], {}, ['y']);
    const before = g.output('y').build();
    expect(codes(convertToFloat16(before, keepIo))['ones']).toBe('half');
    await closeTo(before);
  });
});

describe('Casts', () => {
  it('from integers give halves', () => {
    const g = new GraphBuilder();
    g.node('cast', 'Cast', [g.input('i', [2], 'int64')], { to: 1 });
    g.node('add', 'Add', ['cast_out', g.random('c', [2])], {}, ['y']);
    expect(text(g.output('y').build())).toMatchInlineSnapshot(`
      "(i int64[2])
      cast: cast_out = Cast(i) {to=10}
      add: y_float16 = Add(cast_out, c:float16[2])
      y_float16/Cast: y = Cast(y_float16) {to=1}
      → y"
    `);
  });

  it('from the float16 that a model takes are spared', () => {
    const g = new GraphBuilder();
    g.node('cast', 'Cast', [g.input('x', [2], 'float16')], { to: 1 });
    g.node('add', 'Add', ['cast_out', g.random('c', [2])]);
    g.node('back', 'Cast', ['add_out'], { to: 10 }, ['y']);
    const before = g.outputAs('float16', 'y').build();
    expect(text(before)).toMatchInlineSnapshot(`
      "(x float16[2])
      add: y = Add(x, c:float16[2])
      → y"
    `);
  });

  it('to integers read whatever is there', () => {
    const g = new GraphBuilder();
    g.node('mul', 'Mul', [g.input('x', [2]), g.random('c', [2])]);
    g.node('cast', 'Cast', ['mul_out'], { to: 7 }, ['n']);
    const before = g.outputAs('int64', 'n').build();
    expect(text(before)).toMatchInlineSnapshot(`
      "(x float32[2])
      x/Cast: x_float16 = Cast(x) {to=10}
      mul: mul_out = Mul(x_float16, c:float16[2])
      cast: n = Cast(mul_out) {to=7}
      → n"
    `);
  });
});

describe('what stays float32, and why', () => {
  it('is what moves float32', () => {
    const g = new GraphBuilder();
    g.node('flip', 'Transpose', [g.input('x', [2, 3])], { perm: [1, 0] });
    g.node('relu', 'Relu', ['flip_out']);
    g.node('back', 'Transpose', ['relu_out'], { perm: [1, 0] }, ['y']);
    expect(codes(convertToFloat16(g.output('y').build(), keepIo))).toEqual({
      flip: 'moves-float',
      relu: 'half',
      back: 'half',
    });
  });

  it('is arithmetic on sizes: 3001 is no half', async () => {
    const g = new GraphBuilder();
    g.input('x', [1, 1, 1, 3001]);
    g.node('double', 'Mul', ['x', g.constant('two', [], [2])]);
    g.node('size', 'Shape', ['double_out']);
    g.node('floats', 'Cast', ['size_out'], { to: 1 });
    g.node('half', 'Mul', ['floats_out', g.constant('one', [4], [1, 1, 1, 1])]);
    g.node('sizes', 'Cast', ['half_out'], { to: 7 });
    g.node('resize', 'Resize', ['double_out', '', '', 'sizes_out'], { mode: 'nearest' }, ['y']);
    const before = g.output('y').build();
    const written = convertToFloat16(before, keepIo);
    expect(codes(written)).toEqual({
      double: 'half',
      size: null,
      floats: 'shape',
      half: 'shape',
      sizes: 'shape',
      resize: 'half',
    });
    await closeTo(before);
  });

  it('is what ONNX or the runtime has in float32 alone', () => {
    const g = new GraphBuilder();
    g.input('x', [1, 4]);
    g.node('celu', 'Celu', ['x'], { alpha: float(1) });
    g.node('random', 'RandomNormalLike', ['celu_out']);
    g.node('sum', 'CumSum', ['random_out', g.ints('axis', 1)]);
    g.node('custom', 'Gelu', ['sum_out'], {}, ['custom_out'], 'com.microsoft');
    const before = g.output('custom_out').build();
    expect(codes(convertToFloat16(before, keepIo))).toEqual({
      celu: 'operator',
      random: 'operator',
      sum: 'operator',
      custom: 'half',
    });
  });

  it('is, for CUDA, what CUDA has in float32 alone', () => {
    const g = new GraphBuilder(16);
    g.input('x', [1, 1, 4, 4]);
    g.node('mul', 'Mul', ['x', 'x']);
    g.node('sample', 'GridSample', ['mul_out', g.random('grid', [1, 2, 2, 2])], {}, ['y']);
    const before = g.output('y').build();
    expect(codes(convertToFloat16(before, keepIo))['sample']).toBe('half');
    expect(codes(convertToFloat16(before, { keepIo: true, cuda: true }))['sample']).toBe(
      'operator',
    );
  });

  it('are the positions of Resize and GridSample', async () => {
    const g = new GraphBuilder();
    g.input('x', [1, 1, 4, 4]);
    g.node('mul', 'Mul', ['x', 'x']);
    g.node('resize', 'Resize', ['mul_out', '', g.constant('scales', [4], [1, 1, 2, 2])], {}, ['y']);
    const before = g.output('y').build();
    const { model: after } = convertToFloat16(before, keepIo);
    expect(tensorType(after.graph.initializer.find((t) => t.name === 'scales')!)).toBe('float32');
    await closeTo(before);
  });
});

describe('bodies', () => {
  const types = (m: Model) =>
    Object.fromEntries(
      [...allTensors(m.graph)].map(({ tensor, node }) => [
        tensor.name || node!.output[0]!,
        tensorType(tensor),
      ]),
    );

  it('of If compute in float16 with what they read from outside, cast once', async () => {
    const branch = (name: string, factor: number) =>
      graph({
        nodes: [
          op('MatMul', ['h', `${name}_w`], [`${name}_p`]),
          op('Mul', [`${name}_p`, `${name}_f`], [`${name}_q`]),
          op('Add', [`${name}_q`, 'x'], [`${name}_y`]),
        ],
        initializers: [floats(`${name}_w`, [3, 3]), floats(`${name}_f`, [], [factor])],
        outputs: { [`${name}_y`]: [2, 3] },
      });
    const before = model({
      inputs: { x: [2, 3], yes: { type: 'bool', shape: [] } },
      outputs: { y: [2, 3] },
      nodes: [
        op('Relu', ['x'], ['h'], {}, 'relu'),
        op(
          'If',
          ['yes'],
          ['b'],
          { then_branch: branch('t', 2), else_branch: branch('e', 3) },
          'if',
        ),
        op('Relu', ['b'], ['y'], {}, 'last'),
      ],
    });
    const written = convertToFloat16(before, keepIo);
    expect(types(written.model)).toEqual({
      t_w: 'float16',
      t_f: 'float16',
      e_w: 'float16',
      e_f: 'float16',
    });
    expect(written.bodies.map((b) => b.form)).toEqual(Array(6).fill('half'));
    expect(codes(written)).toEqual({ relu: 'half', if: 'body', last: 'half' });
    // x is cast once for the Relu outside and for both bodies
    const casts = written.model.graph.node.filter((n) => n.opType === 'Cast');
    expect(casts.map((n) => n.input[0])).toEqual(['x', 'b', 'y_float16']);
    for (const yes of [0, 1]) {
      const feed = {
        ...randomFeed(before),
        yes: { type: 'bool', dims: [], data: Uint8Array.of(yes) },
      } as const;
      const exact = await output(before, feed);
      expect(relativeDifference(await output(written.model, feed), exact)).toBeLessThan(2e-3);
    }
  });

  it('of Loop take and give float32, and compute in float16 between', async () => {
    const body = graph({
      inputs: {
        i: { type: 'int64', shape: [] },
        go: { type: 'bool', shape: [] },
        sum: [1],
      },
      nodes: [
        op('Identity', ['go'], ['on']),
        op('Constant', [], ['step'], { value: floats('', [1], [2 ** -12]) }),
        op('Mul', ['step', 'one'], ['scaled']),
        op('Add', ['sum', 'scaled'], ['next']),
      ],
      outputs: { on: { type: 'bool', shape: [] }, next: [1] },
    });
    const before = model({
      inputs: { x: [1] },
      outputs: { y: [1] },
      nodes: [
        op('Mul', ['x', 'zero'], ['nothing'], {}, 'nothing'),
        op('Add', ['nothing', 'one'], ['start'], {}, 'start'),
        op('Loop', ['n', '', 'start'], ['y'], { body }, 'loop'),
      ],
      initializers: [ints('n', [60], []), floats('one', [1], [1]), floats('zero', [1], [0])],
    });
    const written = convertToFloat16(before, keepIo);
    expect(written.bodies.map(({ op: o, form }) => `${o} ${form}`)).toContain('Mul half');
    const inner = written.model.graph.node.find((n) => n.opType === 'Loop')!.attribute[0]!.g!;
    expect(inner.input.slice(2).map((v) => valueType(v).type)).toEqual(['float32']);
    // the Add of the body is half, its sum is cast back: what is carried is rounded by it alone
    const [y] = await output(written.model, randomFeed(before));
    expect(Math.abs(y! - (1 + 60 / 4096))).toBeLessThan(60 / 2048);
    expect(await output(before, randomFeed(before))).toEqual(Float32Array.of(1 + 60 / 4096));
  });

  it('of Scan take slices in float32, and weights from outside as halves', async () => {
    const body = graph({
      inputs: { state: [2], slice: [2] },
      nodes: [
        op('MatMul', ['slice', 'w'], ['p']),
        op('Add', ['state', 'p'], ['sum']),
        op('Tanh', ['sum'], ['next']),
        op('Identity', ['next'], ['out']),
      ],
      outputs: { next: [2], out: [2] },
    });
    const before = model({
      inputs: { x: [5, 2], s: [2] },
      outputs: { last: [2], all: [5, 2] },
      nodes: [op('Scan', ['s', 'x'], ['last', 'all'], { body, num_scan_inputs: 1 }, 'scan')],
      initializers: [floats('w', [2, 2])],
    });
    const written = convertToFloat16(before, keepIo);
    expect(types(written.model)).toEqual({ w: 'float16' });
    const feed = randomFeed(before);
    const [a, b] = [await outputs(written.model, feed), await outputs(before, feed)];
    for (const name of ['last', 'all'])
      expect(
        relativeDifference(a[name]!.data as Float32Array, b[name]!.data as Float32Array),
      ).toBeLessThan(4e-3);
  });
});

describe('halves', () => {
  it('are about half the bytes', () => {
    const g = new GraphBuilder();
    g.node('fc', 'MatMul', [g.input('x', [1, 256]), g.random('w', [256, 256])], {}, ['y']);
    const before = g.output('y').build();
    const after = convertToFloat16(before, keepIo).model;
    const ratio = serializeModel(after).length / serializeModel(before).length;
    expect(ratio).toBeGreaterThan(0.5);
    expect(ratio).toBeLessThan(0.51);
  });

  it('of one weight are what the runtime multiplies with', async () => {
    const g = new GraphBuilder();
    g.node('mul', 'Mul', [g.input('x', [3]), g.constant('w', [3], [0.1, 1 / 3, 1e-6])], {}, ['y']);
    const after = convertToFloat16(g.output('y').build(), keepIo).model;
    const ones = { type: 'float32', dims: [3], data: Float32Array.of(1, 1, 1) } as const;
    const y = await output(after, { x: ones });
    expect([...y]).toEqual([0.1, 1 / 3, 1e-6].map((x) => fromHalf(toHalf(x))));
    expect(nodeOf(after, 'mul').input[1]).toBe('w');
  });
});
