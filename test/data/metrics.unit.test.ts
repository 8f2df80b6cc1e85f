import { describe, expect, it } from 'vitest';
import type { Label } from '../../src/data/labels';
import { higherIsBetter, isProbability, needsLabels, perSample } from '../../src/data/metrics';
import type { TensorValue } from '../../src/data/source';

const tensor = (dims: number[], ...values: number[]): TensorValue => ({
  type: 'float32',
  dims,
  data: Float32Array.from(values),
});
const classes = (...values: number[]): Label => ({
  kind: 'class',
  values: Int32Array.from(values),
});
const target = (...values: number[]): Label => ({
  kind: 'target',
  values: Float64Array.from(values),
});

describe('metrics', () => {
  it.each([
    ['top1', tensor([1, 3], 0.1, 0.7, 0.2), classes(1), 1],
    ['top1', tensor([1, 3], 0.1, 0.7, 0.2), classes(2), 0],
    ['top1', tensor([1, 3, 1, 1], 0.1, 0.7, 0.2), classes(1), 1],
    ['top1', tensor([1, 2], NaN, NaN), classes(0), 0],
    ['top1', tensor([1, 2], -Infinity, -Infinity), classes(0), 1],
    ['top1', tensor([1, 2, 2], 1, 2, 4, 3), classes(1, 1), 0.5],
    // four are above it; of equal ones the first counts more; NaN is below all
    ['top5', tensor([1, 6], 6, 5, 4, 3, 2, 1), classes(4), 1],
    ['top5', tensor([1, 6], 6, 5, 4, 3, 2, 1), classes(5), 0],
    ['top5', tensor([1, 6], 0, 0, 0, 0, 0, 0), classes(4), 1],
    ['top5', tensor([1, 6], 0, 0, 0, 0, 0, 0), classes(5), 0],
    ['top5', tensor([1, 6], 1, NaN, NaN, NaN, NaN, 0), classes(5), 1],
    ['top5', tensor([1, 6], 1, NaN, 2, 3, 4, 5), classes(1), 0],
    ['top5', tensor([1, 2, 6], 6, 5, 4, 3, 2, 1, 1, 2, 3, 4, 5, 6), classes(5, 5), 0.5],
    ['cross-entropy', tensor([1, 2], 0.25, 0.75), classes(1), -Math.log(0.75)],
    ['cross-entropy', tensor([1, 2], 0, 1), classes(0), -Math.log(1e-7)],
    ['cross-entropy', tensor([1, 2], 2, 5), classes(0), Math.log(1 + Math.exp(3))],
    ['cross-entropy', tensor([1, 2], 1000, 0), classes(1), 1000],
    [
      'cross-entropy',
      tensor([1, 2, 2], 0, 0, 5, 2),
      classes(0, 1),
      (Math.log(2) + Math.log(1 + Math.exp(3))) / 2,
    ],
    ['mse', tensor([1, 2], 1, 4), target(0, 2), 2.5],
    ['mae', tensor([1, 2], 1, 4), target(0, 2), 1.5],
    ['mae', tensor([1, 1], 1), classes(3), 2],
  ] as const)('%s of %o with %o', (metric, output, label, expected) => {
    expect(perSample(metric, { output, label, reference: output })).toBeCloseTo(expected, 6);
  });

  it('take probabilities by what FP32 says, not by what quantizing left of them', () => {
    const reference = tensor([1, 2], 0.3, 0.7);
    const output = tensor([1, 2], 0.31, 0.72); // sums to 1.03
    expect(perSample('cross-entropy', { output, label: classes(1), reference })).toBeCloseTo(
      -Math.log(0.72),
      6,
    );
  });

  it.each([
    ['the same place', tensor([1, 3], 1, 9, 2), 1],
    ['another', tensor([1, 3], 9, 1, 2), 0],
  ])('agreement: %s', (_, output, expected) => {
    const reference = tensor([1, 3], 0, 5, 1);
    expect(perSample('agreement', { output, label: null, reference })).toBe(expected);
  });

  it('agreement of a sequence is a share', () => {
    const reference = tensor([1, 2, 2], 0, 1, 1, 0);
    const output = tensor([1, 2, 2], 0, 1, 0, 1);
    expect(perSample('agreement', { output, label: null, reference })).toBe(0.5);
  });

  it('sqnr is in dB', () => {
    const reference = tensor([2], 3, 4);
    expect(perSample('sqnr', { output: reference, label: null, reference })).toBe(150);
    const output = tensor([2], 3, 4.5);
    expect(perSample('sqnr', { output, label: null, reference })).toBeCloseTo(20, 6);
  });

  it('read outputs of other types', () => {
    const output: TensorValue = {
      type: 'float16',
      dims: [1, 2],
      data: Uint16Array.of(0x3c00, 0x4000),
    };
    expect(perSample('mse', { output, label: target(1, 2), reference: output })).toBe(0);
    const ids: TensorValue = { type: 'int64', dims: [1, 1], data: BigInt64Array.of(3n) };
    expect(perSample('mae', { output: ids, label: target(5), reference: ids })).toBe(2);
  });

  it.each([
    ['top1', null],
    ['top1', target(1)],
    ['top1', classes(3)],
    ['top1', classes(-1)],
    // any of three is among the best five
    ['top5', classes(1)],
    ['top1', classes(0, 0)],
    ['cross-entropy', null],
    ['mse', null],
    ['mae', target(1, 2)],
  ] as const)('%s refuses %o', (metric, label) => {
    const output = tensor([1, 3], 1, 2, 3);
    expect(() => perSample(metric, { output, label, reference: output })).toThrow(
      expect.objectContaining({
        code: 'data.labels',
        place: expect.objectContaining({ remedy: expect.any(String) }),
      }),
    );
  });

  it('know which way is better, and what they need', () => {
    const all = ['top1', 'top5', 'cross-entropy', 'mse', 'mae', 'sqnr', 'agreement'] as const;
    expect(all.filter(higherIsBetter)).toEqual(['top1', 'top5', 'sqnr', 'agreement']);
    expect(all.filter(needsLabels)).toEqual(['top1', 'top5', 'cross-entropy', 'mse', 'mae']);
  });

  it.each([
    [[0.5, 0.5, 0.25, 0.75], true],
    [[0.5, 0.5, 0.25, 0.8], false],
    [[-0.5, 1.5, 0.5, 0.5], false],
    [[NaN, 1, 0, 1], false],
  ])('%o are probabilities: %s', (values, expected) => {
    expect(isProbability(Float32Array.from(values), 2)).toBe(expected);
  });
});
