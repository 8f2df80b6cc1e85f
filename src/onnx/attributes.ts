/** Reading and making node attributes. */
import { create } from '@bufbuild/protobuf';
import { AttributeProtoSchema, AttributeProto_AttributeType as T } from './gen/onnx_pb';
import type { AttributeProto, GraphProto, NodeProto, TensorProto } from './schema';

/** The attribute of that name, or undefined. */
export function attribute(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((a) => a.name === name);
}

/** Integer attribute as a number, or the operator's default. */
export function intAttribute(node: NodeProto, name: string, fallback: number): number {
  const a = attribute(node, name);
  return a ? Number(a.i) : fallback;
}

/** Integer-list attribute as numbers, or undefined where it is absent. */
export function intsAttribute(node: NodeProto, name: string): number[] | undefined {
  return attribute(node, name)?.ints.map(Number);
}

/** The permutation of a Transpose of a tensor with `rank` axes; without an attribute it turns their order round. */
export function permutation(transpose: NodeProto, rank: number): number[] {
  return intsAttribute(transpose, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
}

/** Float attribute, or the operator's default. */
export function floatAttribute(node: NodeProto, name: string, fallback: number): number {
  return attribute(node, name)?.f ?? fallback;
}

/** Float-list attribute, or undefined where it is absent. */
export function floatsAttribute(node: NodeProto, name: string): number[] | undefined {
  const a = attribute(node, name);
  return a ? [...a.floats] : undefined;
}

/** String attribute (UTF-8), or the operator's default. */
export function stringAttribute(node: NodeProto, name: string, fallback: string): string {
  const a = attribute(node, name);
  return a ? new TextDecoder().decode(a.s) : fallback;
}

/** Tensor attribute, or undefined. */
export function tensorAttribute(node: NodeProto, name: string): TensorProto | undefined {
  return attribute(node, name)?.t;
}

/** Every graph that hangs on a node (bodies of If, Loop, Scan). */
export function subgraphs(node: NodeProto): GraphProto[] {
  const graphs: GraphProto[] = [];
  for (const a of node.attribute) {
    if (a.g) graphs.push(a.g);
    graphs.push(...a.graphs);
  }
  return graphs;
}

export function makeInt(name: string, value: number): AttributeProto {
  return create(AttributeProtoSchema, { name, type: T.INT, i: BigInt(value) });
}

export function makeInts(name: string, values: readonly number[]): AttributeProto {
  return create(AttributeProtoSchema, { name, type: T.INTS, ints: values.map(BigInt) });
}

export function makeFloat(name: string, value: number): AttributeProto {
  return create(AttributeProtoSchema, { name, type: T.FLOAT, f: value });
}

export function makeFloats(name: string, values: readonly number[]): AttributeProto {
  return create(AttributeProtoSchema, { name, type: T.FLOATS, floats: [...values] });
}

export function makeString(name: string, value: string): AttributeProto {
  return create(AttributeProtoSchema, { name, type: T.STRING, s: new TextEncoder().encode(value) });
}

export function makeTensorAttribute(name: string, value: TensorProto): AttributeProto {
  return create(AttributeProtoSchema, { name, type: T.TENSOR, t: value });
}

export function makeStrings(name: string, values: readonly string[]): AttributeProto {
  const encoder = new TextEncoder();
  return create(AttributeProtoSchema, {
    name,
    type: T.STRINGS,
    strings: values.map((v) => encoder.encode(v)),
  });
}

/** Replaces the attribute of the same name, or adds it. */
export function setAttribute(node: NodeProto, value: AttributeProto): void {
  const at = node.attribute.findIndex((a) => a.name === value.name);
  if (at < 0) node.attribute.push(value);
  else node.attribute[at] = value;
}

export function removeAttribute(node: NodeProto, name: string): void {
  node.attribute = node.attribute.filter((a) => a.name !== name);
}
