import {
  makeFloat,
  makeInt,
  makeInts,
  makeNode,
  makeString,
  makeTensor,
  tensorDims,
  tensorType,
  type AttributeProto,
  type ElementType,
  type Model,
  type NodeProto,
  type TensorProto,
} from '../../../src/onnx';
import { batchNormParameters, constant, graph } from '../graph';

type Attributes = Record<string, number | number[] | string>;
type Shape = readonly (number | string | null)[];

/** One node, named as its first output with the operator before it. */
export function n(
  op: string,
  inputs: string,
  output: string,
  attributes: Attributes = {},
): NodeProto {
  return makeNode({
    opType: op,
    name: `${op}_${output.split(' ')[0]}`,
    inputs: inputs.split(' ').map((name) => (name === '-' ? '' : name)),
    outputs: output.split(' '),
    attributes: Object.entries(attributes).map(([name, value]): AttributeProto => {
      if (Array.isArray(value)) return makeInts(name, value);
      if (typeof value === 'string') return makeString(name, value);
      return Number.isInteger(value) && !FLOATS.has(name)
        ? makeInt(name, value)
        : makeFloat(name, value);
    }),
  });
}
const FLOATS = new Set(['alpha', 'beta', 'epsilon', 'value', 'min', 'max']);

export interface Small {
  nodes: NodeProto[];
  inputs: Record<string, Shape>;
  outputs?: string[];
  constants?: TensorProto[];
  opset?: number;
  /** Initializers that are inputs too. */
  overridable?: string[];
  /** Types of inputs that are not float32. */
  inputTypes?: Readonly<Record<string, ElementType>>;
}

/** A small model with whatever constants the cases of this folder name. */
export function small({
  nodes,
  inputs,
  outputs = ['y'],
  constants = [],
  opset,
  overridable,
  inputTypes = {},
}: Small): Model {
  const used = new Set(nodes.flatMap((node) => node.input));
  const all = [...constants, ...USUAL].filter((t) => used.has(t.name));
  const extra = (overridable ?? []).map((name) => all.find((t) => t.name === name)!);
  return graph({
    nodes,
    inputs: { ...inputs, ...Object.fromEntries(extra.map((t) => [t.name, tensorDims(t)])) },
    inputTypes: {
      ...inputTypes,
      ...Object.fromEntries(extra.map((t) => [t.name, tensorType(t)])),
    },
    outputs: Object.fromEntries(outputs.map((name) => [name, null])),
    initializers: all.filter((t, i) => all.findIndex((other) => other.name === t.name) === i),
    ...(opset === undefined ? {} : { opset }),
  });
}

export const scalar = (name: string, value: number) =>
  makeTensor(name, 'float32', [], Float32Array.of(value));
export const ints = (name: string, values: number[]) =>
  makeTensor(name, 'int64', [values.length], BigInt64Array.from(values.map(BigInt)));
export const row = (name: string, size: number) => constant(name, [size]);

/** Image tensors have 16 channels, rows 32 columns. */
export const IMAGE = [1, 16, 8, 8];
export const TOKENS = [2, 6, 32];
const USUAL: TensorProto[] = [
  ...[constant('w', [16, 16, 3, 3]), constant('wb', [16]), constant('w1', [16, 16, 1, 1])],
  ...batchNormParameters('bn', 16),
  ...batchNormParameters('bn32', 32),
  ...[
    constant('c16', [16, 1, 1]),
    constant('m', [32, 32]),
    constant('b32', [32]),
    constant('g32', [32]),
  ],
  ...[scalar('zero', 0), scalar('six', 6), scalar('half', 0.5), scalar('one', 1), scalar('two', 2)],
  ...[scalar('sqrt2', Math.SQRT2), scalar('rsqrt2', Math.SQRT1_2), scalar('eps', 1e-5)],
  ...[
    scalar('three', 3),
    scalar('k044', 0.044715),
    scalar('kpi', Math.sqrt(2 / Math.PI)),
    scalar('q1702', 1.702),
  ],
  ...[
    ints('pads', [0, 0, 1, 1, 0, 0, 1, 1]),
    ints('padsC', [0, 1, 1, 1, 0, 0, 1, 1]),
    ints('last', [-1]),
  ],
  ...[ints('shape4', [2, 6, 4, 8]), ints('shape3', [2, 6, 32])],
  makeTensor('sx', 'float32', [], Float32Array.of(0.02)),
  makeTensor('s2', 'float32', [], Float32Array.of(0.03)),
  makeTensor('zp', 'uint8', [], Uint8Array.of(128)),
  makeTensor(
    'wq',
    'int8',
    [16, 16, 3, 3],
    Int8Array.from({ length: 2304 }, (_, i) => (i % 17) - 8),
  ),
  makeTensor(
    'mq',
    'int8',
    [32, 32],
    Int8Array.from({ length: 1024 }, (_, i) => (i % 17) - 8),
  ),
  makeTensor('zw', 'int8', [], Int8Array.of(0)),
];
