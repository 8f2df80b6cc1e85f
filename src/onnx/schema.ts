/** The one door to the generated protobuf schema: message types, schemas and the names of element types. */
import { create } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  ValueInfoProtoSchema,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type StringStringEntryProto,
  type TensorProto,
  type TypeProto,
  type ValueInfoProto,
} from './gen/onnx_pb';

export type {
  AttributeProto,
  GraphProto,
  ModelProto,
  NodeProto,
  StringStringEntryProto,
  TensorProto,
  TypeProto,
  ValueInfoProto,
};
export { AttributeProto_AttributeType as AttributeType, TensorProto_DataType as DataType };
export { TensorProto_DataLocation as DataLocation };

/** ONNX element types by the lower-case names that every face shows. */
export type ElementType =
  | 'float32'
  | 'uint8'
  | 'int8'
  | 'uint16'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'string'
  | 'bool'
  | 'float16'
  | 'float64'
  | 'uint32'
  | 'uint64'
  | 'complex64'
  | 'complex128'
  | 'bfloat16'
  | 'float8e4m3fn'
  | 'float8e4m3fnuz'
  | 'float8e5m2'
  | 'float8e5m2fnuz'
  | 'uint4'
  | 'int4'
  | 'float4e2m1'
  | 'float8e8m0'
  | 'uint2'
  | 'int2'
  | 'undefined';

const NAMES: readonly ElementType[] = [
  'undefined',
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
  'complex64',
  'complex128',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'uint4',
  'int4',
  'float4e2m1',
  'float8e8m0',
  'uint2',
  'int2',
];

/** Bits per element; 0 where elements have no fixed size. */
const BITS: Record<ElementType, number> = {
  undefined: 0,
  string: 0,
  float32: 32,
  uint8: 8,
  int8: 8,
  uint16: 16,
  int16: 16,
  int32: 32,
  int64: 64,
  bool: 8,
  float16: 16,
  float64: 64,
  uint32: 32,
  uint64: 64,
  complex64: 64,
  complex128: 128,
  bfloat16: 16,
  float8e4m3fn: 8,
  float8e4m3fnuz: 8,
  float8e5m2: 8,
  float8e5m2fnuz: 8,
  uint4: 4,
  int4: 4,
  float4e2m1: 4,
  float8e8m0: 8,
  uint2: 2,
  int2: 2,
};

/** Name of a `TensorProto.DataType` number; unknown numbers are `undefined`. */
export function elementTypeName(dataType: number): ElementType {
  return NAMES[dataType] ?? 'undefined';
}

/** `TensorProto.DataType` number of a name. */
export function elementTypeNumber(name: ElementType): number {
  return NAMES.indexOf(name);
}

/** Bits of one element of a type; 0 for strings and undefined. */
export function elementBits(name: ElementType): number {
  return BITS[name];
}

/** A key/value entry of `metadata_props` or `external_data`. */
export function entry(key: string, value: string): StringStringEntryProto {
  return create(StringStringEntryProtoSchema, { key, value });
}

/** An `opset_import` entry. */
export function opsetEntry(domain: string, version: number) {
  return create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) });
}

/** A new node. Optional inputs that are left out are empty names, as ONNX wants. */
export function makeNode(init: {
  opType: string;
  name?: string;
  domain?: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes?: AttributeProto[];
}): NodeProto {
  const node = create(NodeProtoSchema, {
    opType: init.opType,
    input: [...init.inputs],
    output: [...init.outputs],
    attribute: init.attributes ?? [],
  });
  if (init.name) node.name = init.name;
  if (init.domain) node.domain = init.domain;
  return node;
}

/** A value with a tensor type; `shape` null leaves the rank open. */
export function makeValueInfo(
  name: string,
  type: ElementType,
  shape: readonly (number | string | null)[] | null,
): ValueInfoProto {
  return create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: 'tensorType',
        value: {
          elemType: elementTypeNumber(type),
          shape: shape
            ? {
                dim: shape.map((d) =>
                  typeof d === 'number'
                    ? { value: { case: 'dimValue' as const, value: BigInt(d) } }
                    : typeof d === 'string'
                      ? { value: { case: 'dimParam' as const, value: d } }
                      : {},
                ),
              }
            : undefined,
        },
      },
    },
  });
}

/** Type and shape of a value info; null shape where the rank is open, type `undefined` for non-tensors. */
export function valueType(info: ValueInfoProto): {
  type: ElementType;
  shape: (number | string | null)[] | null;
} {
  const value = info.type?.value;
  if (value?.case !== 'tensorType') return { type: 'undefined', shape: null };
  const shape = value.value.shape
    ? value.value.shape.dim.map((d) =>
        d.value.case === 'dimValue'
          ? Number(d.value.value)
          : d.value.case === 'dimParam'
            ? d.value.value
            : null,
      )
    : null;
  return { type: elementTypeName(value.value.elemType), shape };
}
