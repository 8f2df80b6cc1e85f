/** A small graph for every row of the table of operators: DequantizeLinear → operator → QuantizeLinear. */
import { makeTensor, type Model } from '../../src/onnx';
import { float, GraphBuilder } from '../lib/graph';

/** Type of the activations. */
export type CodeType = 'uint8' | 'int8';

/** The output of an operator whose inputs come from `g.activation`. */
type Make = (g: Quantizing) => string;

export const SCALE = 0.02;
const IMAGE = [1, 8, 6, 6];
const MATRIX = [4, 8];

/** A builder that quantizes and dequantizes what it is asked for. */
class Quantizing extends GraphBuilder {
  private count = 0;

  constructor(
    readonly type: CodeType,
    opset: number,
  ) {
    super(opset, 10);
  }

  /** A float input that went through Q and DQ. */
  activation(shape: readonly number[] = IMAGE, scale = SCALE): string {
    const name = `input${this.count++}`;
    return this.dequantize(name, this.quantize(name, this.input(name, shape), scale), scale);
  }

  dequantize(name: string, codes: string, scale: number): string {
    return this.node(`${name}.dq`, 'DequantizeLinear', [codes, ...this.params(name, scale, 'dq')]);
  }

  quantize(name: string, tensor: string, scale: number): string {
    return this.node(`${name}.q`, 'QuantizeLinear', [tensor, ...this.params(name, scale, 'q')]);
  }

  /** An int8 weight, with a scale for every channel along `axis` or one in all. */
  weight(dims: readonly number[], axis: number | null, type: CodeType = 'int8'): string {
    const count = dims.reduce((a, b) => a * b, 1);
    const values = Array.from({ length: count }, (_, i) => ((i * 37) % 255) - 127);
    const name = `w${this.count++}`;
    const codes =
      type === 'int8' ? Int8Array.from(values) : Uint8Array.from(values, (v) => v + 128);
    const shape = axis === null ? [] : [dims[axis]!];
    const n = shape[0] ?? 1;
    const zeros = type === 'int8' ? new Int8Array(n) : new Uint8Array(n).fill(128);
    const inputs = [
      this.tensor(makeTensor(name, type, dims, codes)),
      this.constant(`${name}.scale`, shape, new Array<number>(n).fill(0.01)),
      this.tensor(makeTensor(`${name}.zero`, type, shape, zeros)),
    ];
    return this.node(`${name}.dq`, 'DequantizeLinear', inputs, axis === null ? {} : { axis });
  }

  /** An int32 bias whose scale is that of input and weight. */
  bias(n: number): string {
    const inputs = [
      this.tensor(
        makeTensor(
          'bias',
          'int32',
          [n],
          Int32Array.from({ length: n }, (_, i) => i),
        ),
      ),
      this.constant('bias.scale', [n], new Array<number>(n).fill(SCALE * 0.01)),
      this.tensor(makeTensor('bias.zero', 'int32', [n], new Int32Array(n))),
    ];
    return this.node('bias.dq', 'DequantizeLinear', inputs, { axis: 0 });
  }

  private params(name: string, scale: number, end: string): string[] {
    const zero = this.type === 'uint8' ? Uint8Array.of(128) : Int8Array.of(0);
    return [
      this.constant(`${name}.${end}.scale`, [], [scale]),
      this.tensor(makeTensor(`${name}.${end}.zero`, this.type, [], zero)),
    ];
  }
}

type Attributes = Parameters<GraphBuilder['node']>[3];
const CONTRIB = 'com.microsoft';

const on =
  (shape: readonly number[], op: string, attributes: Attributes = {}, domain = ''): Make =>
  (g) =>
    g.node('op', op, [g.activation(shape)], attributes, undefined, domain);
const image = (op: string, attributes: Attributes = {}) => on(IMAGE, op, attributes);
/** Several activations, and after them constants of numbers. */
const many =
  (
    op: string,
    count: number,
    shape: readonly number[] = IMAGE,
    attributes: Attributes = {},
  ): Make =>
  (g) =>
    g.node(
      'op',
      op,
      Array.from({ length: count }, () => g.activation(shape)),
      attributes,
    );
/** An activation and whole numbers. */
const ints =
  (op: string, lists: readonly (readonly number[])[], attributes: Attributes = {}): Make =>
  (g) =>
    g.node('op', op, [g.activation(), ...lists.map((l, i) => g.ints(`ints${i}`, l))], attributes);
/** An activation of two axes or an image, and float vectors of eight. */
const normalization =
  (op: string, shape: readonly number[], vectors: number, attributes: Attributes = {}): Make =>
  (g) => {
    const constants = Array.from({ length: vectors }, (_, i) =>
      g.constant(`vector${i}`, [8], new Array<number>(8).fill(1)),
    );
    return g.node('op', op, [g.activation(shape), ...constants], attributes);
  };
const same = (ops: string, make: (op: string) => Make) =>
  Object.fromEntries(ops.split(' ').map((op) => [op, make(op)]));

const conv =
  (
    weight: readonly number[],
    shape: readonly number[] = IMAGE,
    attributes: Attributes = {},
  ): Make =>
  (g) =>
    g.node('op', 'Conv', [g.activation(shape), g.weight(weight, 0)], attributes);
const gemm =
  (axis: number | null, attributes: Attributes = {}, bias = false): Make =>
  (g) => {
    const shape = 'transA' in attributes ? [8, 4] : MATRIX;
    const inputs = [g.activation(shape), g.weight([8, 8], axis), ...(bias ? [g.bias(8)] : [])];
    return g.node('op', 'Gemm', inputs, attributes);
  };
const matmul =
  (shape: readonly number[], weight: readonly number[], axis: number | null): Make =>
  (g) =>
    g.node('op', 'MatMul', [g.activation(shape), g.weight(weight, axis)]);
const recurrent =
  (op: string, gates: number): Make =>
  (g) => {
    const inputs = [
      g.activation([3, 1, 8]),
      g.random('W', [1, gates * 4, 8]),
      g.random('R', [1, gates * 4, 4]),
    ];
    return g.node('op', op, inputs, { hidden_size: 4 });
  };
const resize =
  (mode: string): Make =>
  (g) =>
    g.node('op', 'Resize', [g.activation(), '', g.constant('scales', [4], [1, 1, 2, 2])], {
      mode,
    });
const withConstant =
  (op: string): Make =>
  (g) =>
    g.node('op', op, [g.activation(), g.weight([8, 1, 1], null, g.type)]);
const pooled = { kernel_shape: [2, 2] };
const tokens = [1, 4, 8];

/** By row, or row and variant: how the operator is made. The first word is the key of the row. */
export const CASES: Readonly<Record<string, Make>> = {
  Conv: conv([8, 8, 3, 3]),
  'Conv with bias': (g) =>
    g.node('op', 'Conv', [g.activation(), g.weight([8, 8, 3, 3], 0), g.bias(8)]),
  'Conv depthwise': conv([8, 1, 3, 3], IMAGE, { group: 8 }),
  'Conv of two groups': conv([8, 4, 3, 3], IMAGE, { group: 2 }),
  'Conv 1-D': conv([8, 8, 3], [1, 8, 16]),
  'Conv 3-D': conv([8, 8, 3, 3, 3], [1, 8, 5, 5, 5]),
  'Conv of auto_pad': conv([8, 8, 3, 3], IMAGE, { auto_pad: 'SAME_UPPER' }),
  'Conv per tensor': (g) => g.node('op', 'Conv', [g.activation(), g.weight([8, 8, 3, 3], null)]),
  ConvTranspose: (g) => g.node('op', 'ConvTranspose', [g.activation(), g.weight([8, 8, 2, 2], 1)]),
  'ConvTranspose per tensor': (g) =>
    g.node('op', 'ConvTranspose', [g.activation(), g.weight([8, 8, 2, 2], null)]),
  Gemm: gemm(1),
  'Gemm transB': gemm(0, { transB: 1 }),
  'Gemm with bias': gemm(1, {}, true),
  'Gemm transA': gemm(1, { transA: 1 }),
  'Gemm with alpha': gemm(1, { alpha: float(0.5) }),
  'Gemm of two results': many('Gemm', 2, [8, 8]),
  MatMul: matmul(MATRIX, [8, 8], 1),
  'MatMul of three axes': matmul([2, 4, 8], [8, 8], 1),
  'MatMul with a batch of weights': matmul([2, 4, 8], [2, 8, 8], null),
  'MatMul of two results': many('MatMul', 2, [8, 8]),
  'MatMul of two results, four axes': many('MatMul', 2, [1, 2, 8, 8]),
  'MatMul with its weight first': (g) =>
    g.node('op', 'MatMul', [g.weight([8, 4], null), g.activation(MATRIX)]),
  LSTM: recurrent('LSTM', 4),
  GRU: recurrent('GRU', 3),
  RNN: recurrent('RNN', 1),
  Einsum: many('Einsum', 2, [8, 8], { equation: 'ij,jk->ik' }),

  ...same('Add Sub Mul Div Pow PRelu Max Min Mean Sum', (op) => many(op, 2)),
  'Add of a constant': withConstant('Add'),
  'Mul of a constant': withConstant('Mul'),
  Concat: many('Concat', 2, IMAGE, { axis: 1 }),
  Where: (g) => {
    const choice = Uint8Array.from({ length: 288 }, (_, i) => i % 2);
    const condition = g.tensor(makeTensor('choice', 'bool', IMAGE, choice));
    return g.node('op', 'Where', [condition, g.activation(), g.activation()]);
  },
  LeakyRelu: image('LeakyRelu', { alpha: float(0.1) }),
  ...same('Sigmoid Relu GlobalAveragePool GlobalMaxPool GlobalLpPool', (op) => image(op)),
  ...same('AveragePool MaxPool LpPool', (op) => image(op, pooled)),
  'AveragePool 1-D': on([1, 8, 16], 'AveragePool', { kernel_shape: [2] }),
  'MaxPool 1-D': on([1, 8, 16], 'MaxPool', { kernel_shape: [2] }),
  'MaxPool with indices': (g) =>
    g.node('op', 'MaxPool', [g.activation()], pooled, ['op_out', 'indices']),
  Clip: (g) =>
    g.node('op', 'Clip', [g.activation(), g.constant('low', [], [0]), g.constant('high', [], [1])]),
  Softmax: on(MATRIX, 'Softmax', { axis: 1 }),
  LogSoftmax: on(MATRIX, 'LogSoftmax', { axis: 1 }),

  'Resize nearest': resize('nearest'),
  'Resize linear': resize('linear'),
  'Resize cubic': resize('cubic'),
  Transpose: image('Transpose', { perm: [0, 2, 3, 1] }),
  Reshape: ints('Reshape', [[1, 8, 36]]),
  ...same('Flatten Identity', (op) => image(op)),
  Squeeze: ints('Squeeze', [[0]]),
  Unsqueeze: ints('Unsqueeze', [[0]]),
  Slice: ints('Slice', [[0], [2], [2]]),
  Split: (g) => g.node('op', 'Split', [g.activation()], { axis: 1 }, ['op_out', 'op_out2']),
  Gather: ints('Gather', [[0, 2]], { axis: 1 }),
  'Gather of a table': (g) =>
    g.node('op', 'Gather', [g.weight([16, 8], null), g.input('ids', [1, 4], 'int64')]),
  GatherElements: (g) => {
    const indices = makeTensor('indices', 'int64', IMAGE, new BigInt64Array(288));
    return g.node('op', 'GatherElements', [g.activation(), g.tensor(indices)]);
  },
  GatherND: (g) => {
    const indices = makeTensor('indices', 'int64', [1, 2], BigInt64Array.of(0n, 1n));
    return g.node('op', 'GatherND', [g.activation(), g.tensor(indices)]);
  },
  Expand: ints('Expand', [[2, 8, 6, 6]]),
  Tile: ints('Tile', [[1, 1, 2, 2]]),
  ...same('DepthToSpace SpaceToDepth', (op) => image(op, { blocksize: 2 })),
  ...same('ReduceMax ReduceMin ReduceMean ReduceProd ReduceL1 ReduceL2', (op) =>
    image(op, { axes: [2, 3] }),
  ),
  ...same('ReduceSumSquare ReduceLogSum ReduceLogSumExp', (op) => image(op, { axes: [2, 3] })),
  ReduceSum: ints('ReduceSum', [[2, 3]]),
  ArgMax: image('ArgMax', { axis: 1 }),

  ...same('Tanh HardSigmoid HardSwish Elu Selu Celu ThresholdedRelu', (op) => image(op)),
  ...same('Softplus Softsign Gelu Mish Swish Erf Exp Log Sqrt Reciprocal', (op) => image(op)),
  ...same('Abs Neg Sign Floor Ceil Round Sin Cos', (op) => image(op)),
  CumSum: (g) => g.node('op', 'CumSum', [g.activation([8]), g.ints('axis', 0)]),
  BatchNormalization: normalization('BatchNormalization', IMAGE, 4),
  InstanceNormalization: normalization('InstanceNormalization', IMAGE, 2),
  LayerNormalization: normalization('LayerNormalization', MATRIX, 1),
  GroupNormalization: normalization('GroupNormalization', IMAGE, 2, { num_groups: 2 }),
  RMSNormalization: normalization('RMSNormalization', MATRIX, 1),
  ...same('LpNormalization MeanVarianceNormalization', (op) => image(op)),
  LRN: image('LRN', { size: 3 }),
  Pad: ints('Pad', [[0, 0, 1, 1, 0, 0, 1, 1]]),
  'Pad reflect': ints('Pad', [[0, 0, 1, 1, 0, 0, 1, 1]], { mode: 'reflect' }),
  TopK: (g) =>
    g.node('op', 'TopK', [g.activation(), g.ints('k', [2])], { axis: 1 }, ['op_out', 'indices']),
  ScatterND: (g) => {
    const indices = makeTensor('indices', 'int64', [1, 1], BigInt64Array.of(0n));
    return g.node('op', 'ScatterND', [g.activation([8]), g.tensor(indices), g.activation([1])]);
  },
  ScatterElements: (g) =>
    g.node('op', 'ScatterElements', [g.activation([8]), g.ints('at', [0]), g.activation([1])]),
  ReverseSequence: (g) =>
    g.node('op', 'ReverseSequence', [g.activation([4, 2, 8]), g.ints('lengths', [2, 3])]),
  Compress: (g) => {
    const choice = makeTensor('choice', 'bool', [2], Uint8Array.of(1, 0));
    return g.node('op', 'Compress', [g.activation(), g.tensor(choice)], { axis: 1 });
  },
  Trilu: image('Trilu'),
  GridSample: (g) => g.node('op', 'GridSample', [g.activation(), g.random('grid', [1, 4, 4, 2])]),
  Attention: many('Attention', 3, [1, 2, 4, 8]),
  'com.microsoft.Attention': (g) =>
    g.node(
      'op',
      'Attention',
      [g.activation(tokens), g.random('qkv', [8, 24]), g.random('qkv.bias', [24])],
      { num_heads: 2 },
      undefined,
      CONTRIB,
    ),
  'com.microsoft.MultiHeadAttention': (g) =>
    g.node(
      'op',
      'MultiHeadAttention',
      [g.activation(tokens), g.activation(tokens), g.activation(tokens)],
      { num_heads: 2 },
      undefined,
      CONTRIB,
    ),
  'com.microsoft.SkipLayerNormalization': (g) =>
    g.node(
      'op',
      'SkipLayerNormalization',
      [g.activation(tokens), g.activation(tokens), g.random('gamma', [8])],
      {},
      undefined,
      CONTRIB,
    ),
  'com.microsoft.FusedMatMul': (g) =>
    g.node(
      'op',
      'FusedMatMul',
      [g.activation(MATRIX), g.weight([8, 8], 1)],
      { alpha: float(0.5) },
      undefined,
      CONTRIB,
    ),
  ...Object.fromEntries(
    ['Gelu', 'FastGelu', 'QuickGelu'].map((op) => [
      `com.microsoft.${op}`,
      on(MATRIX, op, {}, CONTRIB),
    ]),
  ),
  'com.microsoft.BiasGelu': (g) =>
    g.node('op', 'BiasGelu', [g.activation(MATRIX), g.random('bias', [8])], {}, undefined, CONTRIB),
};

/** Results that hold indices can have no quantizer. */
const INDICES = new Set(['ArgMax']);

/**
 * A case as a model. @param scale of the result; null leaves the result float
 */
export function buildCase(
  name: string,
  type: CodeType,
  opset: number,
  scale: number | null,
): Model {
  const g = new Quantizing(type, opset);
  CASES[name]!(g);
  const model = g.build();
  const [first, ...others] = model.graph.node.find((n) => n.name === 'op')!.output;
  const results = [first!, ...others.filter((name) => name !== 'indices')];
  for (const result of results) {
    if (scale === null || INDICES.has(name)) g.output(result);
    else g.output(g.dequantize(`${result}.end`, g.quantize(`${result}.end`, result, scale), scale));
  }
  model.graph.output.forEach((v) => (v.type = undefined));
  return model;
}
