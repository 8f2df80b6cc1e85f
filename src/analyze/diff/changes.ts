import { isDeepStrictEqual } from 'node:util';
import {
  AttributeType,
  floatData,
  isExternal,
  rawBytes,
  tensorDims,
  tensorType,
  type AttributeProto,
  type NodeProto,
  type TensorProto,
} from '../../onnx';
import { isDefault } from './attribute-defaults';
import type { Wires } from './wires';

/** Weights of more bytes than this are compared by type and shape alone. */
const READ_BYTES = 256 << 20;

/** What differs between two nodes that belong together: operator, attributes, constants, what they read. @param partner of the first model's nodes, folded ones too */
export function changesOf(
  a: NodeProto,
  b: NodeProto,
  first: Wires,
  second: Wires,
  partner: ReadonlyMap<NodeProto, NodeProto>,
): string[] {
  const changes: string[] = [];
  if (a.opType !== b.opType) changes.push(`${a.opType} → ${b.opType}`);
  changes.push(...attributeChanges(a, b, first.model.opset, second.model.opset));
  const slots = a.opType === b.opType ? Math.max(a.input.length, b.input.length) : 0;
  for (let i = 0; i < slots; i++) {
    const [x, y] = [a.input[i] ?? '', b.input[i] ?? ''];
    const text = inputChange(x, y, first, second, partner);
    if (text !== null) changes.push(`input ${i}: ${text}`);
  }
  return changes;
}

/** Attributes that say another thing; one that says what its operator does anyway is as good as none. */
function attributeChanges(a: NodeProto, b: NodeProto, opsetA: number, opsetB: number): string[] {
  const [x, y] = [a, b].map((n) => new Map(n.attribute.map((at) => [at.name, at])));
  return [...new Set([...x!.keys(), ...y!.keys()])].sort().flatMap((name) => {
    const [before, after] = [x!.get(name), y!.get(name)];
    if (before && after && isDeepStrictEqual(before, after)) return [];
    if (!before && isDefault(b, after!, opsetB)) return [];
    if (!after && isDefault(a, before!, opsetA)) return [];
    return [`${name} ${show(before)} → ${show(after)}`];
  });
}

/** An attribute's value in a few characters. */
function show(attribute: AttributeProto | undefined): string {
  if (!attribute) return 'not set';
  const { ints, floats, s, i, f, t, g } = attribute;
  if (t) return 'tensor';
  if (g) return 'graph';
  if (ints.length > 0) return `[${ints.join(', ')}]`;
  if (floats.length > 0) return `[${floats.join(', ')}]`;
  if (s.length > 0) return new TextDecoder().decode(s);
  return attribute.type === AttributeType.FLOAT ? String(Number(f.toPrecision(6))) : String(i);
}

function inputChange(
  x: string,
  y: string,
  first: Wires,
  second: Wires,
  partner: ReadonlyMap<NodeProto, NodeProto>,
): string | null {
  if (x === '' || y === '') return x === y ? null : x === '' ? `now ${y}` : `${x} is gone`;
  const [before, after] = [first.constant(x), second.constant(y)];
  if (before && after) return constantChange(before, after, first, second);
  if (after) return `${first.origin(x)} is a constant now`;
  if (before) return `${second.origin(y)} instead of a constant`;
  const from = first.index.producer(first.origin(x));
  const to = second.index.producer(second.origin(y));
  if (!from && !to) return null;
  if (from && to && partner.get(from) === to) return null;
  return `reads ${second.origin(y)} instead of ${first.origin(x)}`;
}

/** How two constants differ: type and shape, or the largest difference of their values. */
function constantChange(
  a: TensorProto,
  b: TensorProto,
  first: Wires,
  second: Wires,
): string | null {
  const [was, is] = [describe(a), describe(b)];
  if (was !== is) return `${was} → ${is}`;
  if (tensorType(a) === 'string')
    return isDeepStrictEqual(a.stringData, b.stringData) ? null : `other values of ${was}`;
  if (isExternal(a) || isExternal(b) || a.rawData.length > READ_BYTES) return null;
  const [x, y] = [rawBytes(a, first.model.dir), rawBytes(b, second.model.dir)];
  if (Buffer.compare(x, y) === 0) return null;
  if (tensorType(a) !== 'float32') return `other values of ${was}`;
  const [v, w] = [floatData(a, first.model.dir), floatData(b, second.model.dir)];
  let [most, size] = [0, 0];
  for (let i = 0; i < v.length; i++) {
    most = Math.max(most, Math.abs(v[i]! - w[i]!));
    size = Math.max(size, Math.abs(v[i]!));
  }
  return `other values of ${was}, by up to ${most.toPrecision(3)} of ${size.toPrecision(3)}`;
}

function describe(tensor: TensorProto): string {
  return `${tensorType(tensor)}[${tensorDims(tensor).join(', ')}]`;
}
