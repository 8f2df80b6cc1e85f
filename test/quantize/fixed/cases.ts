/** A small graph for every operator that fixed point has: codes with power-of-two scales in, and out. */
import { Random } from '../../../src/numeric';
import { makeTensor, type Feed, type Model } from '../../../src/onnx';
import { float, GraphBuilder } from '../../lib/graph';

const size = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1);

/** A builder whose quantizers have scales `2^−fraction` and zero point 0. */
export class FixedBuilder extends GraphBuilder {
  private readonly random_ = new Random(23);
  readonly shapes: Record<string, readonly number[]> = {};

  constructor(opset = 20) {
    super(opset, 10);
  }

  private whole(low: number, high: number): number {
    return Math.floor(this.random_.uniform(low, high + 1));
  }

  /** A float input that is quantized and dequantized. */
  activation(name: string, shape: readonly number[], fraction = 4): string {
    this.shapes[name] = shape;
    return this.through(this.input(name, shape), fraction);
  }

  /** Q and DQ behind a tensor. */
  through(tensor: string, fraction: number): string {
    const ends = [this.scale(tensor, fraction), this.zero(tensor)];
    const codes = this.node(`${tensor}.q`, 'QuantizeLinear', [tensor, ...ends]);
    return this.node(`${tensor}.dq`, 'DequantizeLinear', [codes, ...ends]);
  }

  private scale(name: string, fraction: number): string {
    return this.constant(`${name}.scale`, [], [2 ** -fraction]);
  }

  private zero(name: string): string {
    return this.tensor(makeTensor(`${name}.zero`, 'int8', [], Int8Array.of(0)));
  }

  /** An int8 constant; with an axis the fractions differ from channel to channel. */
  weight(name: string, dims: readonly number[], axis: number | null, fraction = 7): string {
    const codes = Int8Array.from({ length: size(dims) }, () => this.whole(-127, 127));
    const n = axis === null ? 1 : dims[axis]!;
    const shape = axis === null ? [] : [n];
    const scales = Array.from({ length: n }, (_, c) => 2 ** -(fraction + (c % 3)));
    const inputs = [
      this.tensor(makeTensor(name, 'int8', dims, codes)),
      this.constant(`${name}.scale`, shape, scales),
      this.tensor(makeTensor(`${name}.zero`, 'int8', shape, new Int8Array(n))),
    ];
    return this.node(`${name}.dq`, 'DequantizeLinear', inputs, axis === null ? {} : { axis });
  }

  /** An int32 bias on the grid of the sums of an input and a weight per channel (or one scale). */
  bias(name: string, n: number, perChannel: boolean, fraction = 11): string {
    const codes = Int32Array.from({ length: n }, () => this.whole(-3000, 3000));
    const scales = Array.from({ length: perChannel ? n : 1 }, (_, c) => 2 ** -(fraction + (c % 3)));
    const shape = perChannel ? [n] : [];
    const inputs = [
      this.tensor(makeTensor(name, 'int32', [n], codes)),
      this.constant(`${name}.scale`, shape, scales),
      this.tensor(makeTensor(`${name}.zero`, 'int32', shape, new Int32Array(scales.length))),
    ];
    return this.node(`${name}.dq`, 'DequantizeLinear', inputs, perChannel ? { axis: 0 } : {});
  }

  /** Values beyond the range of the codes at both ends, and many that lie between two codes. */
  feeds(count: number, reach = 9): Feed[] {
    return Array.from({ length: count }, () =>
      Object.fromEntries(
        Object.entries(this.shapes).map(([name, dims]) => {
          const data = Float32Array.from({ length: size(dims) }, () =>
            this.random_.uniform(-reach, reach),
          );
          return [name, { type: 'float32', dims: [...dims], data }];
        }),
      ),
    );
  }
}

type Make = (g: FixedBuilder) => string;
type Attributes = Parameters<GraphBuilder['node']>[3];
const IMAGE = [1, 6, 9, 8];

interface ConvForm {
  shape?: readonly number[];
  /** Null: one scale for all weights. */
  axis?: number | null;
  biased?: boolean;
  relu?: string;
}

const conv =
  (
    weight: readonly number[],
    attributes: Attributes = {},
    { shape = IMAGE, axis = 0, biased = true, relu = '' }: ConvForm = {},
  ): Make =>
  (g) => {
    const inputs = [g.activation('x', shape), g.weight('w', weight, axis)];
    if (biased) inputs.push(g.bias('b', weight[0]!, axis !== null));
    const sum = g.node('op', 'Conv', inputs, attributes);
    return g.through(activated(g, sum, relu), 1);
  };

function activated(g: FixedBuilder, sum: string, kind: string): string {
  if (kind === 'Relu') return g.node('relu', 'Relu', [sum]);
  if (kind !== 'Clip') return sum;
  return g.node('clip', 'Clip', [sum, g.constant('lo', [], [0]), g.constant('hi', [], [6])]);
}

const gemm =
  (attributes: Attributes, axis: number | null, biased: boolean): Make =>
  (g) => {
    const inputs = [g.activation('x', [3, 12]), g.weight('w', [12, 12], axis)];
    if (biased) inputs.push(g.bias('b', 12, axis !== null));
    return g.through(g.node('op', 'Gemm', inputs, attributes), 2);
  };

const one =
  (op: string, attributes: Attributes = {}, to = 4, shape: readonly number[] = IMAGE): Make =>
  (g) =>
    g.through(g.node('op', op, [g.activation('x', shape)], attributes), to);
const ints =
  (op: string, values: readonly number[], attributes: Attributes = {}): Make =>
  (g) =>
    g.through(g.node('op', op, [g.activation('x', IMAGE), g.ints('i', values)], attributes), 4);
const pair =
  (op: string, to: number, fractions: [number, number], other: readonly number[] = IMAGE): Make =>
  (g) => {
    const inputs = [g.activation('x', IMAGE, fractions[0]), g.activation('y', other, fractions[1])];
    return g.through(g.node('op', op, inputs), to);
  };
const withConstant =
  (op: string, first = false): Make =>
  (g) => {
    const inputs = [g.activation('x', IMAGE), g.weight('c', [6, 1, 1], null, 5)];
    return g.through(g.node('op', op, first ? inputs.reverse() : inputs), 3);
  };

/** Every case is a row of the target's table; the first word is its key. */
export const CASES: Readonly<Record<string, Make>> = {
  Conv: conv([5, 6, 3, 3]),
  'Conv without bias': conv([5, 6, 3, 3], {}, { biased: false }),
  'Conv per tensor': conv([5, 6, 3, 3], {}, { axis: null }),
  'Conv with Relu': conv([5, 6, 3, 3], { pads: [1, 1, 1, 1] }, { relu: 'Relu' }),
  'Conv with Clip': conv([5, 6, 3, 3], { pads: [1, 0, 1, 2] }, { relu: 'Clip' }),
  'Conv of strides and dilations': conv([5, 6, 3, 2], { strides: [2, 1], dilations: [1, 3] }),
  'Conv depthwise': conv([6, 1, 3, 3], { group: 6, pads: [1, 1, 1, 1] }),
  'Conv of two groups': conv([4, 3, 3, 3], { group: 2 }),
  'Conv of auto_pad': conv([5, 6, 3, 3], { auto_pad: 'SAME_LOWER', strides: [2, 2] }),
  'Conv 1-D': conv([5, 6, 4], { strides: [3] }, { shape: [1, 6, 17] }),
  'Conv 3-D': conv([5, 6, 2, 2, 2], {}, { shape: [1, 6, 4, 5, 4] }),
  'Conv of a batch': conv([5, 6, 3, 3], {}, { shape: [3, 6, 7, 7] }),
  Gemm: gemm({}, 1, true),
  'Gemm transB': gemm({ transB: 1 }, 0, true),
  'Gemm per tensor without bias': gemm({}, null, false),
  MatMul: (g) => {
    const inputs = [g.activation('x', [2, 5, 12]), g.weight('w', [12, 7], 1)];
    return g.through(g.node('op', 'MatMul', inputs), 2);
  },
  'MatMul with bias and Relu': (g) => {
    const inputs = [g.activation('x', [2, 5, 12]), g.weight('w', [12, 4], null)];
    const bias = g.constant('b', [4], [-32, 17, 0.5, 2 ** -11]);
    const sum = g.node('add', 'Add', [g.node('op', 'MatMul', inputs), bias]);
    return g.through(g.node('relu', 'Relu', [sum]), 2);
  },
  Add: pair('Add', 3, [4, 4]),
  'Add of two formats': pair('Add', 2, [4, 7]),
  'Add that broadcasts': pair('Add', 2, [4, 6], [1, 6, 1, 1]),
  'Add of a constant': withConstant('Add'),
  'Add with Relu': (g) => {
    const inputs = [g.activation('x', IMAGE, 4), g.activation('y', IMAGE, 5)];
    return g.through(g.node('relu', 'Relu', [g.node('op', 'Add', inputs)]), 3);
  },
  Sub: pair('Sub', 2, [4, 6]),
  'Sub from a constant': withConstant('Sub', true),
  Mul: pair('Mul', 2, [4, 5]),
  'Mul of a constant': withConstant('Mul'),
  Concat: (g) => {
    const inputs = [g.activation('x', IMAGE, 4), g.activation('y', [1, 2, 9, 8], 6)];
    return g.through(g.node('op', 'Concat', inputs, { axis: -3 }), 3);
  },
  AveragePool: one('AveragePool', { kernel_shape: [2, 2], strides: [2, 2] }, 5),
  'AveragePool of padding that counts': one(
    'AveragePool',
    { kernel_shape: [4, 2], pads: [1, 1, 1, 1], count_include_pad: 1 },
    3,
  ),
  GlobalAveragePool: one('GlobalAveragePool', {}, 6, [1, 6, 8, 8]),
  'GlobalAveragePool of 36': one('GlobalAveragePool', {}, 6, [1, 64, 6, 6]),
  'GlobalAveragePool of 49': one('GlobalAveragePool', {}, 5, [1, 64, 7, 7]),
  MaxPool: one('MaxPool', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
  'MaxPool of ceil_mode': one('MaxPool', { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }),
  Sigmoid: one('Sigmoid', {}, 7),
  Tanh: one('Tanh', {}, 7),
  LeakyRelu: one('LeakyRelu', { alpha: float(0.1) }, 4),
  ...Object.fromEntries(
    ['HardSigmoid', 'HardSwish', 'Elu', 'Selu', 'Softplus', 'Erf', 'Gelu', 'Mish'].map((op) => [
      op,
      one(op, {}, 4),
    ]),
  ),
  Exp: one('Exp', {}, 0),
  Relu: one('Relu', {}, 4),
  'Relu into another format': one('Relu', {}, 2),
  Clip: (g) => {
    const inputs = [
      g.activation('x', IMAGE),
      g.constant('lo', [], [-1.03]),
      g.constant('hi', [], [2.7]),
    ];
    return g.through(g.node('op', 'Clip', inputs), 4);
  },
  Resize: (g) => {
    const inputs = [g.activation('x', IMAGE), '', g.constant('scales', [4], [1, 1, 2, 3])];
    return g.through(g.node('op', 'Resize', inputs, { mode: 'nearest' }), 4);
  },
  Transpose: one('Transpose', { perm: [0, 2, 3, 1] }),
  DepthToSpace: one('DepthToSpace', { blocksize: 2 }, 4, [1, 8, 3, 5]),
  SpaceToDepth: one('SpaceToDepth', { blocksize: 2 }, 4, [1, 3, 6, 4]),
  GlobalMaxPool: one('GlobalMaxPool'),
  Slice: (g) => {
    const ends = [g.ints('from', [7, 1]), g.ints('to', [0, 5]), g.ints('axes', [3, 1])];
    const inputs = [g.activation('x', IMAGE), ...ends, g.ints('steps', [-2, 1])];
    return g.through(g.node('op', 'Slice', inputs), 4);
  },
  Split: (g) => {
    const inputs = [g.activation('x', IMAGE), g.ints('parts', [1, 2, 3])];
    g.node('op', 'Split', inputs, { axis: 1 }, ['a', 'b', 'c']);
    return g.through(
      g.node('cat', 'Concat', [g.through('c', 4), g.through('a', 5)], { axis: 1 }),
      4,
    );
  },
  Tile: ints('Tile', [1, 2, 1, 3]),
  Expand: ints('Expand', [2, 6, 9, 8]),
  Pad: ints('Pad', [0, 0, 1, 2, 0, 1, 0, 3]),
  'Pad that reflects': ints('Pad', [0, 0, 1, 2, 0, 0, 3, 1], { mode: 'reflect' }),
  Reshape: ints('Reshape', [1, 12, -1]),
  Flatten: one('Flatten'),
  Squeeze: ints('Squeeze', [0]),
  Unsqueeze: ints('Unsqueeze', [0]),
  Identity: one('Identity'),
};

/** A case as a model, with samples. */
export function buildCase(name: string): { model: Model; feeds: Feed[] } {
  const g = new FixedBuilder();
  const model = g.output(CASES[name]!(g)).build();
  model.graph.output.forEach((v) => (v.type = undefined));
  return { model, feeds: g.feeds(4) };
}
