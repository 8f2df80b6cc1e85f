import { describe, expect, it } from 'vitest';
import { checkTensorRt } from '../../../src/analyze/rules/tensorrt';
import { makeTensor } from '../../../src/onnx';
import { GraphBuilder } from '../../lib/graph';

type CodeType = 'int8' | 'uint8' | 'int32';

/** An array of one code. */
function filled(type: CodeType, count: number, value: number) {
  if (type === 'int8') return new Int8Array(count).fill(value);
  return type === 'uint8' ? new Uint8Array(count).fill(value) : new Int32Array(count).fill(value);
}

/** The axis where there are scales along one. */
const along = ({ scales, axis }: Parameters, otherwise: number): Record<string, number> =>
  (scales?.length ?? 1) > 1 ? { axis: axis ?? otherwise } : {};

/** Q/DQ graphs, written down one quantizer at a time. */
class Qdq extends GraphBuilder {
  private parameters(
    name: string,
    { scales = [0.1], zero = 0, type = 'int8' }: Parameters,
  ): [string, string] {
    const dims = scales.length === 1 ? [] : [scales.length];
    const zeros = filled(type, scales.length, zero);
    return [
      this.tensor(makeTensor(`${name}_s`, 'float32', dims, Float32Array.from(scales))),
      this.tensor(makeTensor(`${name}_z`, type, dims, zeros)),
    ];
  }

  /** A tensor through Q and DQ; returns what readers see. */
  pair(x: string, parameters: Parameters = {}): string {
    const own = this.parameters(x, parameters);
    const axis = along(parameters, 1);
    const q = this.node(`${x}/Q`, 'QuantizeLinear', [x, ...own], axis, [`${x}_q`]);
    return this.node(`${x}/DQ`, 'DequantizeLinear', [q, ...own], axis, [`${x}_dq`]);
  }

  /** A constant of codes behind a DQ. */
  weight(name: string, dims: number[], parameters: Parameters = {}): string {
    const type: CodeType = parameters.type ?? 'int8';
    const size = dims.reduce((a, b) => a * b, 1);
    const codes = this.tensor(makeTensor(name, type, dims, filled(type, size, 3)));
    const own = this.parameters(name, parameters);
    const axis = along(parameters, 0);
    return this.node(`${name}/DQ`, 'DequantizeLinear', [codes, ...own], axis, [`${name}_dq`]);
  }

  conv(name: string, x: string, more: { weight?: string; bias?: string } = {}): string {
    const weight = more.weight ?? this.weight(`${name}_w`, [4, 4, 1, 1], { scales: [1, 1, 1, 1] });
    return this.node(name, 'Conv', [x, weight, ...(more.bias ? [more.bias] : [])]);
  }
}

interface Parameters {
  scales?: number[];
  zero?: number;
  type?: CodeType;
  axis?: number;
}

function codes(build: (g: Qdq, x: string) => string, opset = 13): string[] {
  const g = new Qdq(opset);
  const y = build(g, g.input('x', [1, 4, 8, 8]));
  return checkTensorRt(g.output(y).build())
    .filter((f) => f.severity !== 'info')
    .map((f) => `${f.severity} ${f.code} ${f.node ?? ''}`.trim());
}

describe('checkTensorRt', () => {
  it.each<[string, (g: Qdq, x: string) => string, string[]]>([
    ['a convolution as it wants it', (g, x) => g.conv('c', g.pair(x)), []],
    [
      'codes with a zero point',
      (g, x) => g.conv('c', g.pair(x, { zero: 3 })),
      ['error zero-point x/Q', 'error zero-point x/DQ'],
    ],
    [
      'unsigned codes',
      (g, x) => g.conv('c', g.pair(x, { type: 'uint8' })),
      ['error code-type x/Q', 'error code-type x/DQ'],
    ],
    [
      'a bias of integers',
      (g, x) => g.conv('c', g.pair(x), { bias: g.weight('b', [4], { type: 'int32' }) }),
      ['error quantized-bias b/DQ'],
    ],
    [
      'a scale that is 0',
      (g, x) => g.conv('c', g.pair(x, { scales: [0] })),
      ['error scale-not-positive x/Q', 'error scale-not-positive x/DQ'],
    ],
    [
      'an activation with scales by channel',
      (g, x) => g.conv('c', g.pair(x, { scales: [1, 1, 1, 1] })),
      ['error activation-by-channel x/Q', 'error activation-by-channel x/DQ'],
    ],
    [
      'too few scales',
      (g, x) => g.conv('c', g.pair(x), { weight: g.weight('w', [4, 4, 1, 1], { scales: [1, 1] }) }),
      ['error scale-count w/DQ'],
    ],
    [
      'scales along the wrong axis',
      (g, x) => {
        const weight = g.weight('w', [4, 4, 1, 1], { scales: [1, 1, 1, 1], axis: 1 });
        return g.conv('c', g.pair(x), { weight });
      },
      ['error weight-axis c'],
    ],
    [
      'operators on codes',
      (g, x) => g.node('d', 'DynamicQuantizeLinear', [x], {}, ['q', 's', 'z']),
      ['warning no-quantizers', 'error quantized-operator d'],
    ],
    [
      'a weight in codes and an input in float',
      (g, x) => g.conv('c', x),
      ['warning input-not-quantized c'],
    ],
    [
      'an input in codes and a weight in float',
      (g, x) => g.conv('c', g.pair(x), { weight: g.random('w', [4, 4, 1, 1]) }),
      ['warning input-not-quantized c'],
    ],
    [
      'codes between a layer and its activation',
      (g, x) => g.node('r', 'Relu', [g.pair(g.conv('c', g.pair(x)))]),
      ['warning activation-parted r'],
    ],
    [
      'codes that nobody reads as such',
      (g, x) => g.node('e', 'Erf', [g.pair(g.conv('c', g.pair(x)))]),
      ['warning output-quantized-for-float c'],
    ],
    [
      'a residual with a quantized skip',
      (g, x) => {
        const skip = g.pair(x);
        const sum = g.node('a', 'Add', [g.conv('c', skip), skip]);
        return g.conv('d', g.pair(g.node('r', 'Relu', [sum])));
      },
      [],
    ],
    [
      'a residual with a float skip',
      (g, x) => {
        const sum = g.node('a', 'Add', [g.conv('c', g.pair(x)), x]);
        return g.conv('d', g.pair(g.node('r', 'Relu', [sum])));
      },
      ['warning residual-not-quantized a'],
    ],
    [
      'a residual that is parted from its layer',
      (g, x) => {
        const skip = g.pair(x);
        const sum = g.node('a', 'Add', [g.pair(g.conv('c', skip)), skip]);
        return g.conv('d', g.pair(g.node('r', 'Relu', [sum])));
      },
      ['warning residual-parted a'],
    ],
    [
      'a pool that leaves float',
      (g, x) => g.node('p', 'GlobalAveragePool', [g.pair(x)]),
      ['warning output-not-quantized p'],
    ],
    [
      'a pool whose quantizer is behind a Flatten',
      (g, x) => {
        const pooled = g.node('p', 'GlobalAveragePool', [g.pair(x)]);
        const flat = g.node('f', 'Flatten', [pooled]);
        return g.node('m', 'MatMul', [g.pair(flat), g.weight('w', [4, 2])]);
      },
      [],
    ],
  ])('%s', (_, build, wanted) => expect(codes(build)).toEqual(wanted));

  it('refuses scales by channel before opset 13', () => {
    expect(codes((g, x) => g.conv('c', g.pair(x)), 12)).toContain('error opset-too-old');
  });

  it('says since when int8 weights alone are read, once', () => {
    const g = new Qdq();
    const x = g.input('x', [1, 4, 8, 8]);
    const model = g.output(g.conv('d', g.pair(g.conv('c', g.pair(x))))).build();
    expect(checkTensorRt(model).map((f) => f.code)).toEqual(['weights-stored-int8']);
  });
});
