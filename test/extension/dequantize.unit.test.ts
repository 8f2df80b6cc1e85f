import { describe, expect, it } from 'vitest';
import { dequantized } from '../../src/extension/commands/dequantized';
import { floatName } from '../../src/jobs/float-name';
import type { DequantizeResult } from '../../src/results';

const output = (name: string, sqnrDb: number) => ({
  name,
  sqnrDb,
  cosine: 1,
  maxAbs: 0.1,
  meanAbs: 0.01,
  within: 1,
  atol: 1e-3,
  rtol: 1e-2,
});
const result: DequantizeResult = {
  model: '/m/net.int8.onnx',
  output: '/m/net.fp32.onnx',
  before: 40,
  after: 2,
  left: [{ node: 'q', op: 'QuantizeLinear', reason: 'its codes are an output' }],
  outputs: [output('a', 44.2), output('b', 31.5)],
  comparedOn: { samples: 8, source: 'digits.npz' },
  notes: [],
};

describe('what a message says of a de-quantized model', () => {
  it('counts, and takes the worst output', () => {
    expect(dequantized(result)).toEqual({
      floats: 38,
      before: 40,
      stays: result.left[0],
      compared: { db: 31.5, samples: 8, source: 'digits.npz', random: false },
      notCompared: null,
    });
  });

  it('says so where the data was random, or nothing was compared', () => {
    const note = (code: string) => ({ code, severity: 'warning', message: `${code}!` }) as const;
    expect(dequantized({ ...result, notes: [note('random-data')] }).compared?.random).toBe(true);
    const blind = { ...result, outputs: [], comparedOn: null, notes: [note('not-compared')] };
    expect(dequantized(blind)).toMatchObject({ compared: null, notCompared: 'not-compared!' });
    expect(dequantized({ ...result, outputs: [] }).compared).toBeNull();
  });
});

it.each([
  ['net.int8.onnx', 'net.fp32.onnx'],
  ['/a.b/net.quantized.onnx', '/a.b/net.fp32.onnx'],
  ['net.onnx', 'net.fp32.onnx'],
])('%s becomes %s', (model, floats) => {
  expect(floatName(model)).toBe(floats);
});
