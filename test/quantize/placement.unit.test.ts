import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../lib/graph';
import { decisions, placed, type PlaceOptions } from '../lib/place';

type Build = (g: GraphBuilder, x: string) => string | string[];
const SIZE = [1, 4, 8, 8];

function decide(build: Build, options: PlaceOptions = {}, shape = SIZE): string[] {
  const g = new GraphBuilder();
  const names = build(g, g.input('x', shape));
  return decisions(placed(g.output(...[names].flat()).build(), options));
}
const conv = (g: GraphBuilder, name: string, x: string) =>
  g.node(name, 'Conv', [x, g.random(`${name}.w`, [4, 4, 1, 1])]);
const keep = (...names: string[]) => ({ keep: new Set(names) });

describe('place', () => {
  it('an elementwise layer is integer where all its inputs are and an integer layer reads it', () => {
    const build: Build = (g, x) => {
      const a = conv(g, 'a', x);
      return conv(g, 'last', g.node('add', 'Add', [a, conv(g, 'b', a)]));
    };
    expect(decide(build)).toEqual(['a', 'b', 'add', 'last']);
    expect(decide(build, keep('b'))).toEqual([
      'a',
      'b: kept in FP32 by the recipe',
      "add: 'b_out' comes in float, and converting it costs more than an integer Add saves",
      'last',
    ]);
    expect(decide(build, keep('last'))).toEqual([
      'a',
      'b',
      'add: no integer layer reads its result',
      'last: kept in FP32 by the recipe',
    ]);
  });

  it('elementwise layers are needed through others and through nodes that move values', () => {
    expect(
      decide((g, x) => {
        const a = conv(g, 'a', x);
        const sum = g.node('add', 'Add', [a, a]);
        const product = g.node('mul', 'Mul', [sum, a]);
        const turned = g.node('turn', 'Transpose', [product], { perm: [0, 1, 3, 2] });
        return conv(g, 'last', turned);
      }),
    ).toEqual(['a', 'add', 'mul', 'last']);
  });

  it.each<[string, Build, number[]?]>([
    ['a: both sides are computed', (g, x) => g.node('a', 'MatMul', [x, x]), [4, 4]],
    [
      "a: its weight 'k_out' is computed",
      (g, x) => g.node('a', 'Conv', [x, g.node('k', 'Abs', [g.input('w', [4, 4, 1, 1])])]),
    ],
    [
      'a: its bias is computed',
      (g, x) => g.node('a', 'Gemm', [x, g.random('w', [4, 4]), g.input('b', [4])]),
      [4, 4],
    ],
    [
      'a: its bias differs from row to row',
      (g, x) => g.node('a', 'Gemm', [x, g.random('w', [4, 4]), g.random('b', [4, 1])]),
      [4, 4],
    ],
    [
      'a: it transposes its input',
      (g, x) => g.node('a', 'Gemm', [x, g.random('w', [4, 4])], { transA: 1 }),
      [4, 4],
    ],
    ['a: one of its operands is a constant', (g, x) => g.node('a', 'Mul', [x, g.random('w', [1])])],
    ['a: onnxruntime has no integer kernel for Tanh', (g, x) => g.node('a', 'Tanh', [x])],
    [
      'a: onnxruntime has no integer kernel for ConvTranspose',
      (g, x) => g.node('a', 'ConvTranspose', [x, g.random('w', [4, 4, 2, 2])]),
    ],
    ['a: Softmax stays float', (g, x) => g.node('a', 'Softmax', [x])],
    [
      'a: its input comes in float',
      (g, x) => g.node('a', 'MaxPool', [x], { kernel_shape: [2, 2] }),
    ],
  ])('says “%s …”', (reason, build, shape) => {
    const [first] = decide(build, {}, shape).filter((line) => line.startsWith('a'));
    expect(first?.slice(0, reason.length)).toBe(reason);
  });

  it('does not quantize where the range of an input or of the output cannot be used', () => {
    const build: Build = (g, x) => conv(g, 'b', conv(g, 'a', x));
    const unusable = (tensor: string) => ({ unusable: new Map([[tensor, 'no range']]) });
    expect(decide(build, unusable('x'))).toEqual(['a: no range', 'b']);
    expect(decide(build, unusable('a_out'))).toEqual(['a: no range', 'b: no range']);
    expect(decide(build, unusable('b_out'))).toEqual(['a', 'b: no range']);
  });

  it('a max pool between kept layers stays float; one that is kept stops the integers', () => {
    const build: Build = (g, x) =>
      conv(g, 'b', g.node('pool', 'MaxPool', [conv(g, 'a', x)], { kernel_shape: [2, 2] }));
    expect(decide(build)).toEqual(['a', 'pool', 'b']);
    expect(decide(build, keep('a'))).toEqual([
      'a: kept in FP32 by the recipe',
      'pool: its input comes in float',
      'b',
    ]);
    expect(decide(build, keep('pool'))).toEqual(['a', 'pool: kept in FP32 by the recipe', 'b']);
  });

  it('quantizes what follows a node that moves values with the scale of its own', () => {
    const g = new GraphBuilder();
    const a = conv(g, 'a', g.input('x', SIZE));
    const flat = g.node('flat', 'Flatten', [a]);
    g.output(g.node('fc', 'Gemm', [flat, g.random('w', [256, 4])]));
    const model = g.build();
    expect(Object.fromEntries(placed(model).placement.quantized)).toEqual({
      x: 'x',
      a_out: 'a_out',
      flat_out: 'a_out',
    });
    const kept = placed(model, keep('a')).placement;
    expect(Object.fromEntries(kept.quantized)).toEqual({ flat_out: 'flat_out' });
    expect([...kept.shipped]).toEqual([]);
  });

  it.each([
    ['nearest', 'a'],
    ['linear', 'a: onnxruntime has no integer kernel for this kind of Resize'],
  ])('Resize, %s, between integer layers', (mode, line) => {
    const build: Build = (g, x) => {
      const factors = g.constant('factors', [4], [1, 1, 2, 2]);
      const inputs = [conv(g, 'first', x), '', factors];
      return conv(g, 'last', g.node('a', 'Resize', inputs, { mode }));
    };
    expect(decide(build)).toEqual(['first', line, 'last']);
  });
});

describe('listUnits', () => {
  it('takes bias and activation into the layer, and their names lead to it', () => {
    const g = new GraphBuilder();
    const x = g.input('x', [2, 4]);
    const m = g.node('m', 'MatMul', [x, g.random('w', [4, 4])]);
    g.output(g.node('relu', 'Relu', [g.node('bias', 'Add', [m, g.random('b', [4])])]));
    const { units, context } = placed(g.build());
    expect(units).toHaveLength(1);
    expect(units[0]).toMatchObject({ name: 'm', op: 'MatMul', inputs: ['x'], output: 'relu_out' });
    expect(context.absorbedBy('m')).toEqual(['bias', 'relu']);
    expect(context.hostOf('relu')).toBe('m');
  });

  it.each([
    [
      'is read twice',
      (g: GraphBuilder, a: string) => [g.node('relu', 'Relu', [a]), g.node('e', 'Exp', [a])],
    ],
    ['is an output', (g: GraphBuilder, a: string) => [a, g.node('relu', 'Relu', [a])]],
  ])('leaves the activation alone where what it reads %s', (_, build) => {
    const g = new GraphBuilder();
    const outputs = build(g, conv(g, 'a', g.input('x', SIZE)));
    const { units } = placed(g.output(...outputs).build());
    expect(units.map((u) => u.name)).toContain('relu');
    expect(units[0]).toMatchObject({ name: 'a', output: 'a_out', activation: null });
  });

  it('lists no arithmetic on shapes and nothing that only moves values', () => {
    const g = new GraphBuilder();
    const x = g.input('x', ['n', 4]);
    const size = g.node('size', 'Gather', [g.node('shape', 'Shape', [x]), g.ints('zero', [0])]);
    const twice = g.node('twice', 'Mul', [size, g.ints('two', [2])]);
    const target = g.node('target', 'Concat', [twice, g.ints('rest', [2])], { axis: 0 });
    g.output(g.node('view', 'Reshape', [x, target]));
    expect(placed(g.build()).units).toEqual([]);
  });
});
