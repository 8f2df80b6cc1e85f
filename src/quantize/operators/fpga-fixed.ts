import { NEAREST, NO_INDICES, NOT_TRANSPOSED, WITH_ZEROS } from './conditions';
import { all, float } from './rules';
import type { IntegerRule, NodeCondition, TargetColumn } from './types';

const weight = (more: Partial<IntegerRule> = {}): IntegerRule => ({
  form: 'weight',
  kernel: 'sum of products, shift',
  ...more,
});
const adds = (kernel: string, more: Partial<IntegerRule> = {}): IntegerRule => ({
  form: 'elementwise',
  kernel,
  ...more,
});
const moves = (more: Partial<IntegerRule> = {}): IntegerRule => ({
  form: 'passthrough',
  kernel: null,
  ...more,
});

const ONE_PLACE: NodeCondition = {
  says: 'it counts its padding or has none',
  otherwise: 'its windows at the border hold fewer values, so that one divisor does not fit all',
  holds: (node) => {
    const pads = node.attribute.find((a) => a.name === 'pads')?.ints ?? [];
    const counts = node.attribute.find((a) => a.name === 'count_include_pad')?.i === 1n;
    const auto = node.attribute.find((a) => a.name === 'auto_pad');
    const ceil = node.attribute.find((a) => a.name === 'ceil_mode')?.i === 1n;
    return !ceil && !auto && (counts || pads.every((p) => p === 0n));
  },
};

const none = (op: string) => float(`there is no fixed-point form of ${op}: it runs on the host`);

/**
 * Fixed point: integers with a power-of-two scale for every tensor (Qm.n), shifts between them, and nothing else. What a
 * function of one value becomes is a table with one entry for every code.
 */
export const FPGA_FIXED: TargetColumn = {
  Conv: weight(),
  Gemm: weight({ only: [NOT_TRANSPOSED] }),
  MatMul: weight(),
  ...all('Add Sub', () => adds('align, add, shift')),
  Mul: adds('multiply, shift'),
  Concat: adds('shift'),
  AveragePool: adds('sum, divide', { only: [ONE_PLACE] }),
  GlobalAveragePool: adds('sum, divide'),
  ...all('Sigmoid Tanh LeakyRelu HardSigmoid HardSwish Elu Selu Softplus', () => adds('table')),
  ...all('Erf Gelu Mish Exp', () => adds('table')),
  ...all('Relu Clip', () => adds('clamp')),
  MaxPool: moves({ only: [NO_INDICES] }),
  Resize: moves({ only: [NEAREST] }),
  GlobalMaxPool: moves(),
  ...all('Transpose Reshape Flatten Squeeze Unsqueeze Identity', () => moves()),
  ...all('DepthToSpace SpaceToDepth Slice Split Tile Expand', () => moves()),
  Pad: moves({ only: [WITH_ZEROS] }),
  Softmax: float('Softmax divides by a sum: it runs on the host'),
  ...all('ConvTranspose LSTM GRU RNN LayerNormalization InstanceNormalization Div', none),
};
