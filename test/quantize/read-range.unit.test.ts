import { describe, expect, it } from 'vitest';
import { GraphIndex } from '../../src/onnx';
import { readRange } from '../../src/quantize/read-range';
import { GraphBuilder } from '../lib/graph';

const SEEN = { min: -40, max: 60 };

function rangeOf(write: (g: GraphBuilder, x: string) => void, seen = SEEN) {
  const g = new GraphBuilder(20);
  const x = g.node('x', 'Identity', [g.input('input', [1, 4, 2, 2])]);
  write(g, x);
  return readRange(new GraphIndex(g.build().graph), null, x, seen);
}

/** ½·x·(1 + erf(x/√2)) behind a bias, as TensorFlow's exporter leaves it: turned before the Erf, and turned elsewhere. */
function gelu(g: GraphBuilder, x: string, perm: readonly number[], bias: readonly number[]) {
  const biased = g.node('biased', 'Add', [x, g.constant('bias', [1, bias.length, 1, 1], bias)]);
  const half = g.node('half', 'Mul', [biased, g.constant('h', [], [0.5])]);
  const turned = g.node('turned', 'Transpose', [half], { perm: [0, 2, 3, 1] });
  const scaled = g.node('scaled', 'Mul', [biased, g.constant('root', [], [Math.SQRT1_2])]);
  const also = g.node('also', 'Transpose', [scaled], { perm });
  const erf = g.node('erf', 'Erf', [also]);
  const one = g.node('one', 'Add', [erf, g.constant('o', [], [1])]);
  g.output(g.node('y', 'ReduceMax', [g.node('gelu', 'Mul', [turned, one])]));
}

describe('readRange', () => {
  it('ends where a Relu, a Clip, a HardSwish begin to give one value', () => {
    expect(rangeOf((g, x) => g.output(g.node('y', 'Relu', [x])))).toEqual({
      min: expect.closeTo(0, 1),
      max: Infinity,
    });
    const clip = rangeOf((g, x) =>
      g.output(g.node('y', 'Clip', [x, g.constant('a', [], [-5]), g.constant('b', [], [6])])),
    )!;
    expect(clip.min).toBeCloseTo(-5, 1);
    expect(clip.max).toBeCloseTo(6, 0);
    const swish = rangeOf((g, x) => g.output(g.node('y', 'HardSwish', [x])))!;
    expect(swish.min).toBeCloseTo(-3, 1);
    expect(swish.max).toBe(Infinity);
  });

  it('sees a Sigmoid end on both sides, and x · sigmoid(x) on one', () => {
    const sigmoid = rangeOf((g, x) => g.output(g.node('y', 'Sigmoid', [x])))!;
    expect(sigmoid.min).toBeGreaterThan(-12);
    expect(sigmoid.min).toBeLessThan(-10);
    expect(sigmoid.max).toBeCloseTo(-sigmoid.min, 0);
    const silu = rangeOf((g, x) => {
      g.output(g.node('y', 'Mul', [x, g.node('s', 'Sigmoid', [x])]));
    })!;
    expect(silu.min).toBeGreaterThan(-12);
    expect(silu.min).toBeLessThan(-8);
    expect(silu.max).toBe(Infinity);
  });

  it('follows a GELU of single operators through views, whatever the bias of a channel', () => {
    const plain = rangeOf((g, x) => gelu(g, x, [0, 2, 3, 1], [0, 0, 0, 0]))!;
    expect(plain.min).toBeGreaterThan(-4.5);
    expect(plain.min).toBeLessThan(-3);
    expect(plain.max).toBe(Infinity);
    const shifted = rangeOf((g, x) => gelu(g, x, [0, 2, 3, 1], [0, 2, -1, 1]))!;
    expect(shifted.min).toBeCloseTo(plain.min - 2, 1);
  });

  it.each<[string, (g: GraphBuilder, x: string) => void]>([
    ['a function that is level nowhere', (g, x) => g.output(g.node('y', 'LeakyRelu', [x]))],
    ['a weight layer', (g, x) => g.output(g.node('y', 'Conv', [x, g.random('w', [2, 4, 1, 1])]))],
    ['nobody: an output', (g, x) => g.output(x)],
    ['paths that meet turned differently', (g, x) => gelu(g, x, [0, 3, 2, 1], [0, 0, 0, 0])],
    [
      'a second reader that reads all',
      (g, x) => g.output(g.node('y', 'Relu', [x]), g.node('z', 'ReduceSum', [x])),
    ],
    [
      'a factor of either sign: no end holds for all channels',
      (g, x) => {
        const scaled = g.node('m', 'Mul', [x, g.constant('k', [1, 4, 1, 1], [-1, 1, 2, 3])]);
        g.output(g.node('y', 'Relu', [scaled]));
      },
    ],
    [
      'a sum with what is computed',
      (g, x) => g.output(g.node('y', 'Relu', [g.node('s', 'Add', [x, 'input'])])),
    ],
  ])('reads all: %s', (_, write) => {
    expect(rangeOf(write)).toBeNull();
  });

  it('says nothing where calibration stays inside, or saw one value', () => {
    const relu = (g: GraphBuilder, x: string) => void g.output(g.node('y', 'Relu', [x]));
    expect(rangeOf(relu, { min: 0, max: 60 })).toBeNull();
    expect(rangeOf(relu, { min: 3, max: 3 })).toBeNull();
  });
});
