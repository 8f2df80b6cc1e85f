import { describe, expect, it } from 'vitest';
import { macsOf } from '../../src/onnx/macs';
import type { NodeProto, TensorProto } from '../../src/onnx/schema';
import { inferShapes } from '../../src/onnx/shapes';
import { floats, model, op, type Value } from './build';

const x = 'x';
const n = (type: string, inputs: string[], attributes: Parameters<typeof op>[3] = {}) =>
  op(type, inputs, ['y'], attributes);

describe('macsOf', () => {
  const macs = (node: NodeProto, inputs: Record<string, Value>, constants: TensorProto[] = []) => {
    const m = model({ opset: 15, inputs, outputs: {}, nodes: [node], initializers: constants });
    return macsOf(node, inferShapes(m));
  };

  it.each<[string, NodeProto, Record<string, Value>, TensorProto[], number | null]>([
    [
      'Conv',
      n('Conv', [x, 'w'], { pads: [1, 1, 1, 1] }),
      { x: ['N', 3, 8, 8] },
      [floats('w', [16, 3, 3, 3])],
      8 * 8 * 16 * 27,
    ],
    [
      'depthwise Conv',
      n('Conv', [x, 'w'], { group: 8 }),
      { x: [1, 8, 5, 5] },
      [floats('w', [8, 1, 3, 3])],
      9 * 8 * 9,
    ],
    ['a batch of four', n('Conv', [x, 'w']), { x: [4, 3, 1, 1] }, [floats('w', [2, 3, 1, 1])], 24],
    [
      'ConvTranspose',
      n('ConvTranspose', [x, 'w'], { strides: [2, 2] }),
      { x: ['N', 4, 5, 5] },
      [floats('w', [4, 3, 2, 2])],
      100 * 12,
    ],
    ['Gemm', n('Gemm', [x, 'w'], { transB: 1 }), { x: ['N', 64] }, [floats('w', [10, 64])], 640],
    ['MatMul', n('MatMul', [x, 'w']), { x: ['N', 7, 64] }, [floats('w', [64, 10])], 7 * 640],
    [
      'MatMul of activations',
      n('MatMul', [x, 'b']),
      { x: ['N', 4, 7, 8], b: ['N', 4, 8, 7] },
      [],
      4 * 7 * 8 * 7,
    ],
    [
      'LSTM',
      n('LSTM', [x, 'w', 'r']),
      { x: [100, 'N', 10] },
      [floats('w', [1, 128, 10]), floats('r', [1, 128, 32])],
      100 * 128 * 42,
    ],
    [
      'GRU by batch',
      n('GRU', [x, 'w', 'r'], { layout: 1 }),
      { x: ['N', 5, 10] },
      [floats('w', [1, 96, 10]), floats('r', [1, 96, 32])],
      5 * 96 * 42,
    ],
    [
      'an open image',
      n('Conv', [x, 'w'], { strides: [2, 2] }),
      { x: ['N', 3, 'H', 'W'] },
      [floats('w', [4, 3, 3, 3])],
      null,
    ],
    [
      'Attention with packed weights and a past',
      n('Attention@com.microsoft', [x, 'w', '', '', 'past']),
      { x: ['N', 6, 16], past: [2, 'N', 4, 3, 4] },
      [floats('w', [16, 48])],
      6 * 16 * 48 + 6 * 9 * 32,
    ],
    ['Relu', n('Relu', [x]), { x: ['N', 3] }, [], 0],
    ['Add of unknown shapes', n('Add', [x, x]), { x: null }, [], 0],
    [
      'a custom operator',
      n('Dense@my.domain', [x, 'w']),
      { x: [1, 3] },
      [floats('w', [3, 3])],
      null,
    ],
    ['If', n('If', [x]), { x: [1] }, [], null],
  ])('%s', (_, node, inputs, constants, want) => {
    expect(macs(node, inputs, constants)).toBe(want);
  });
});
