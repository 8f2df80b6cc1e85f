import { describe, expect, it } from 'vitest';
import { checkFpgaFixed } from '../../../src/analyze/rules/fpga-fixed';
import { makeTensor } from '../../../src/onnx';
import { GraphBuilder } from '../../lib/graph';

/** x → Q → DQ → Relu, and a bias of int32 behind it. */
function model(scale: number, zero: Int8Array | Uint8Array) {
  const g = new GraphBuilder();
  const type = zero instanceof Int8Array ? 'int8' : 'uint8';
  const ends = [g.constant('s', [], [scale]), g.tensor(makeTensor('z', type, [], zero))];
  const codes = g.node('q', 'QuantizeLinear', [g.input('x', [1, 4]), ...ends]);
  const relu = g.node('relu', 'Relu', [g.node('dq', 'DequantizeLinear', [codes, ...ends])]);
  const bias = g.node('bias.dq', 'DequantizeLinear', [
    g.tensor(makeTensor('b', 'int32', [4], new Int32Array(4))),
    g.constant('bs', [], [2 ** -9]),
    g.tensor(makeTensor('bz', 'int32', [], new Int32Array(1))),
  ]);
  return g.output(g.node('add', 'Add', [relu, bias])).build();
}

describe('checkFpgaFixed', () => {
  it('takes signed codes with powers of two around zero, and biases of int32', () => {
    expect(checkFpgaFixed(model(0.25, Int8Array.of(0)))).toEqual([]);
  });

  it.each([
    ['a scale that is no power of two', 0.1, Int8Array.of(0), 'scale-no-power-of-two'],
    ['a zero point', 0.25, Int8Array.of(-3), 'zero-point'],
    ['unsigned codes', 0.25, Uint8Array.of(0), 'code-type'],
  ])('refuses %s at both ends', (_, scale, zero, code) => {
    expect(checkFpgaFixed(model(scale, zero)).map((f) => [f.code, f.severity, f.node])).toEqual([
      [code, 'error', 'q'],
      [code, 'error', 'dq'],
    ]);
  });
});
