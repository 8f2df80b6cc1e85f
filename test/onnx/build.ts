/** Small models for tests, written in a few lines. */
import { create } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType,
  GraphProtoSchema,
  ModelProtoSchema,
} from '../../src/onnx/gen/onnx_pb';
import {
  makeFloat,
  makeFloats,
  makeInt,
  makeInts,
  makeString,
  makeTensorAttribute,
} from '../../src/onnx/attributes';
import { Model } from '../../src/onnx/model';
import {
  makeNode,
  makeValueInfo,
  opsetEntry,
  type AttributeProto,
  type ElementType,
  type GraphProto,
  type NodeProto,
  type TensorProto,
} from '../../src/onnx/schema';
import { makeTensor } from '../../src/onnx/tensor';

type Shape = readonly (number | string | null)[] | null;
/** A float32 tensor's shape, or a type with a shape. */
export type Value = Shape | { type: ElementType; shape: Shape };
type AttributeValue =
  number | string | readonly number[] | TensorProto | AttributeProto | GraphProto;

/** An attribute by the type of its value; integers become INT, `f(1)` makes a FLOAT. */
export function attr(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === 'string') return makeString(name, value);
  if (typeof value === 'number')
    return Number.isInteger(value) ? makeInt(name, value) : makeFloat(name, value);
  if (Array.isArray(value))
    return value.every(Number.isInteger) ? makeInts(name, value) : makeFloats(name, value);
  const message = value as TensorProto | AttributeProto | GraphProto;
  if (message.$typeName === 'onnx.TensorProto') return makeTensorAttribute(name, message);
  if (message.$typeName === 'onnx.GraphProto')
    return create(AttributeProtoSchema, {
      name,
      type: AttributeProto_AttributeType.GRAPH,
      g: message,
    });
  return Object.assign(message, { name });
}

/** A FLOAT attribute, also where the number is whole. */
export const f = (value: number): AttributeProto => makeFloat('', value);
/** A FLOATS attribute, also where the numbers are whole. */
export const fs = (...values: number[]): AttributeProto => makeFloats('', values);

/** `op('Conv', ['x', 'w'], ['y'], { group: 2 })` */
export function op(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
  name = '',
): NodeProto {
  const [type, domain] = opType.split('@') as [string, string | undefined];
  return makeNode({
    opType: type,
    domain,
    name,
    inputs,
    outputs,
    attributes: Object.entries(attributes).map(([key, value]) => attr(key, value)),
  });
}

export interface GraphInit {
  inputs?: Readonly<Record<string, Value>>;
  outputs?: Readonly<Record<string, Value>>;
  nodes: NodeProto[];
  initializers?: readonly TensorProto[];
  valueInfo?: Readonly<Record<string, Value>>;
}

const infos = (values: Readonly<Record<string, Value>> = {}) =>
  Object.entries(values).map(([name, v]) =>
    v !== null && 'type' in v
      ? makeValueInfo(name, v.type, v.shape)
      : makeValueInfo(name, 'float32', v),
  );

export function graph(init: GraphInit): GraphProto {
  return create(GraphProtoSchema, {
    name: 'graph',
    node: init.nodes,
    input: infos(init.inputs),
    output: infos(init.outputs),
    initializer: [...(init.initializers ?? [])],
    valueInfo: infos(init.valueInfo),
  });
}

export function model(init: GraphInit & { opset?: number; ir?: number }): Model {
  const { opset = 13, ir = opset < 7 ? 3 : 7 } = init;
  const proto = create(ModelProtoSchema, {
    irVersion: BigInt(ir),
    opsetImport: [opsetEntry('', opset), opsetEntry('com.microsoft', 1)],
    graph: graph(init),
  });
  return new Model(proto, null, null);
}

/** A float32 initializer. */
export function floats(
  name: string,
  dims: readonly number[],
  values?: readonly number[],
): TensorProto {
  const n = dims.reduce((a, b) => a * b, 1);
  const data = values ?? Array.from({ length: n }, (_, i) => Math.sin(i * 1.7 + name.length) / 2);
  return makeTensor(name, 'float32', dims, Float32Array.from(data));
}

/** An int64 initializer of one axis, or with `dims`. */
export function ints(
  name: string,
  values: readonly (number | bigint)[],
  dims: readonly number[] = [values.length],
): TensorProto {
  return makeTensor(name, 'int64', dims, BigInt64Array.from(values, BigInt));
}
