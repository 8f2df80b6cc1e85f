/** Operators that move or choose codes without computing with them: they do the same with values. */
import { clone } from '@bufbuild/protobuf';
import { intAttribute, stringAttribute, type NodeProto } from '../../onnx';
import { NodeProtoSchema } from '../../onnx/gen/onnx_pb';
import type { Rule } from './rule';
import { layoutOf, type Codes, type Workshop } from './workshop';

const MOVES = [
  ...['MaxPool', 'Reshape', 'Transpose', 'Flatten', 'Squeeze', 'Unsqueeze', 'Slice', 'Gather'],
  ...['Split', 'Expand', 'Tile', 'DepthToSpace', 'SpaceToDepth', 'Identity', 'Resize', 'Concat'],
  ...['GatherElements', 'GatherND', 'ReduceMax', 'ReduceMin', 'Pad'],
];

/** Results have the scale of what is read; codes with a scale per channel, or of several scales, stay codes. */
const move: Rule = (node, w) => {
  const slots = node.opType === 'Concat' ? node.input.map((_, i) => i) : [0];
  const read = slots.map((i) => w.codesOf(node.input[i]!));
  const [first] = read;
  if (!first && slots.length === 1) return constantMoved(node, w);
  if (!first || read.some((codes) => !codes || !alike(w, codes, first))) return false;
  if (node.opType === 'MaxPool' && (node.output[1] ?? '') !== '') return false;
  const copy = clone(NodeProtoSchema, node);
  copy.input = node.input.map((name, i) =>
    slots.includes(i) ? read[slots.indexOf(i)]!.value : w.now(name),
  );
  if (node.opType === 'Pad' && !padded(node, copy, first, w)) return false;
  copy.output = node.output.map((name) => (name === '' ? '' : w.fresh(`${name}_value`)));
  w.emit(copy);
  node.output.forEach((name, i) => {
    if (name !== '') w.setCodes(name, { ...first, value: copy.output[i]! });
  });
  return true;
};

/** Rows of a constant of codes (an embedding): the constant is worked out for the DequantizeLinear behind. */
function constantMoved(node: NodeProto, w: Workshop): boolean {
  const [data, output] = [node.input[0]!, node.output[0]!];
  const readers = w.index.consumers(output);
  const constant = w.constant(data);
  if (!constant || node.output.length > 1 || w.index.isGraphOutput(output)) return false;
  const rank = constant.dims.length;
  const rows = node.opType === 'Gather' && [0, -rank].includes(intAttribute(node, 'axis', 0));
  // the last axis of a row is the last one of the table, whatever the indices are
  const byColumn = (reader: NodeProto) => rows && rank > 1 && layoutOf(reader).axis === -1;
  const takes = (reader: NodeProto) =>
    reader.opType === 'DequantizeLinear' &&
    layoutOf(reader).blockSize === 0 &&
    (w.scales(reader.input[1]!)?.length === 1 || byColumn(reader));
  if (readers.length === 0 || !readers.every(takes)) return false;
  const tables = readers.map((reader) => {
    const axis = byColumn(reader) ? rank - 1 : 1;
    return w.floatConstant(data, reader.input[1]!, reader.input[2] ?? '', { axis, blockSize: 0 });
  });
  if (tables.includes(null)) return false;
  for (const [i, reader] of readers.entries()) {
    const copy = clone(NodeProtoSchema, node);
    copy.input = [tables[i]!, ...node.input.slice(1).map((name) => w.now(name))];
    copy.output = [w.fresh(`${output}_value`)];
    w.emit(copy);
    w.alias(reader.output[0]!, copy.output[0]!);
  }
  w.settle(...readers);
  return true;
}

function alike(w: Workshop, a: Codes, b: Codes): boolean {
  if (w.scales(a.scale)?.length !== 1) return false;
  return a.scale === b.scale && a.zeroPoint === b.zeroPoint;
}

/** A constant of codes that Pad adds is `(q − z) · s`; without one it adds code 0. */
function padded(node: NodeProto, copy: NodeProto, codes: Codes, w: Workshop): boolean {
  if (stringAttribute(node, 'mode', 'constant') !== 'constant') return true;
  const [scale] = w.scales(codes.scale) ?? [];
  const zeros = w.zeroPoints(codes.zeroPoint);
  const fill = node.input[2] ? w.zeroPoints(node.input[2]) : Int32Array.of(0);
  if (scale === undefined || zeros === undefined || !fill) return false;
  const value = (fill[0]! - (zeros?.[0] ?? 0)) * scale;
  while (copy.input.length < 3) copy.input.push('');
  copy.input[2] = w.float(`${node.name}_fill`, [], Float32Array.of(value));
  return true;
}

export const moveRules: Record<string, Rule> = Object.fromEntries(MOVES.map((op) => [op, move]));
