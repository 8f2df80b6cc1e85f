import { describe, expect, it } from 'vitest';
import { floatData, GraphIndex, tensorData, tensorDims } from '../../src/onnx';
import { ConstantWriter, type WeightSettings } from '../../src/quantize/weights';
import { constantOf, GraphBuilder } from '../lib/graph';

const CHANNEL: WeightSettings = { granularity: 'channel', bits: 8 };
const TENSOR: WeightSettings = { granularity: 'tensor', bits: 8 };

/** A writer over a model with the weight `w` [channels, …] and the bias `b`. */
function writer(rows: number[][], bias?: number[]) {
  const g = new GraphBuilder();
  g.constant('w', [rows.length, rows[0]!.length], rows.flat());
  if (bias) g.constant('b', [bias.length], bias);
  const model = g.build();
  const constants = new ConstantWriter(model, new GraphIndex(model.graph));
  const numbers = (name: string) => Array.from(tensorData(constantOf(model, name)), Number);
  return { model, constants, numbers };
}

describe('ConstantWriter.scales', () => {
  it('divides the largest magnitude of each channel by 127', () => {
    const { constants } = writer([
      [1, -2.54],
      [0.5, 0.1],
    ]);
    const scales = constants.scales('w', 0, CHANNEL, null, null);
    expect(scales).toEqual(Float32Array.of(2.54 / 127, 0.5 / 127));
    expect(constants.scales('w', null, CHANNEL, null, null)).toEqual(Float32Array.of(2.54 / 127));
    expect(constants.scales('w', 0, TENSOR, null, null)).toEqual(Float32Array.of(2.54 / 127));
  });

  it('divides by 63 where weights have 7 bits', () => {
    const { constants, numbers } = writer([[0.63, -0.63]]);
    const settings = { ...CHANNEL, bits: 7 };
    const scales = constants.scales('w', 0, settings, null, null);
    expect(scales[0]).toBeCloseTo(0.01, 8);
    expect(numbers(constants.weight('w', 0, settings, scales).codes)).toEqual([63, -63]);
  });

  it('widens where the bias would overflow int32', () => {
    const { constants, numbers } = writer(
      [
        [1e-6, -1e-6],
        [1, 1],
      ],
      [100, 100],
    );
    const inputScale = 1e-3;
    const scales = constants.scales('w', 0, CHANNEL, inputScale, floats([100, 100]));
    expect(scales[1]).toBe(Math.fround(1 / 127)); // 100 / (1e-3 / 127) is far below the limit
    expect(100 / (inputScale * scales[0]!)).toBeLessThanOrEqual(2 ** 30 * (1 + 1e-6));
    const { codes, scales: product } = constants.bias('b', inputScale, scales);
    numbers(codes).forEach((code, c) => expect(code * product[c]!).toBeCloseTo(100, 4));
  });

  it('gives a channel without weights a scale for its bias', () => {
    const { constants, numbers } = writer(
      [
        [0, 0],
        [1, 1],
      ],
      [3, 3],
    );
    const scales = constants.scales('w', 0, CHANNEL, 0.05, floats([3, 3]));
    expect(numbers(constants.weight('w', 0, CHANNEL, scales).codes).slice(0, 2)).toEqual([0, 0]);
    const { codes, scales: product } = constants.bias('b', 0.05, scales);
    expect(numbers(codes)[0]! * product[0]!).toBeCloseTo(3, 5);
  });

  it('gives a channel without weights and bias the scale 1', () => {
    const { constants } = writer([[0, 0]]);
    expect(constants.scales('w', 0, CHANNEL, 0.05, floats([0]))).toEqual(Float32Array.of(1));
    expect(constants.scales('w', 0, CHANNEL, null, null)).toEqual(Float32Array.of(1));
  });

  it('takes the largest bias of all where the weight has one scale', () => {
    const { constants } = writer([[1e-7, 1e-7]], [1, -500]);
    const [scale] = constants.scales('w', 0, TENSOR, 1e-3, floats([1, -500]));
    expect(500 / (1e-3 * scale!)).toBeLessThanOrEqual(2 ** 30 * (1 + 1e-6));
  });
});

describe('ConstantWriter', () => {
  it('writes the same weight once, and again where its scales differ', () => {
    const { model, constants } = writer([[1, -1]]);
    const first = constants.weight('w', 0, CHANNEL, Float32Array.of(1 / 127));
    expect(constants.weight('w', 0, CHANNEL, Float32Array.of(1 / 127))).toBe(first);
    const other = constants.weight('w', 0, CHANNEL, Float32Array.of(0.5));
    expect([first.codes, other.codes]).toEqual(['w_quantized', 'w_quantized_1']);
    expect(model.graph.initializer).toHaveLength(1 + 3 + 3);
  });

  it('writes dims, scales and zero points as QuantizeLinear has them', () => {
    const { model, constants } = writer([
      [1, 2],
      [3, 4],
    ]);
    const one = constants.weight('w', 1, TENSOR, Float32Array.of(0.1));
    expect(one.axis).toBeNull();
    expect(tensorDims(constantOf(model, one.scale))).toEqual([]);
    const two = constants.weight('w', 1, CHANNEL, Float32Array.of(0.1, 0.2));
    expect(two.axis).toBe(1);
    expect(tensorDims(constantOf(model, two.codes))).toEqual([2, 2]);
    expect(floatData(constantOf(model, two.scale))).toEqual(Float32Array.of(0.1, 0.2));
    expect(tensorDims(constantOf(model, two.zeroPoint))).toEqual([2]);
  });

  it('rounds biases to even halves, as everything else', () => {
    const { constants, numbers } = writer([[1]], [0.5, 1.5, -0.5, -1.5, 2.25]);
    const { codes } = constants.bias('b', 1, Float32Array.of(1));
    expect(numbers(codes)).toEqual([0, 2, 0, -2, 2]);
  });
});

function floats(values: number[]): Float32Array {
  return Float32Array.from(values);
}
