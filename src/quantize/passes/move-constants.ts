import { transposeInto } from '../../numeric';
import {
  ComputedBytes,
  elementBits,
  externalSource,
  GraphIndex,
  integerValues,
  intAttribute,
  intsAttribute,
  isDefaultDomain,
  isExternal,
  makeHeldTensor,
  permutation,
  rawBytes,
  tensorBytes,
  tensorDims,
  tensorType,
  type ByteSource,
  type Model,
  type NodeProto,
  type TensorProto,
} from '../../onnx';
import type { PassContext } from '../context';

/** Smaller constants are left to the runtime, which folds anything. */
const LARGE = 1 << 20;

/**
 * A large constant that is only moved (Transpose, Reshape, Squeeze, Unsqueeze, Flatten, Identity) becomes a constant of its
 * new shape, whose values are computed when they are read: of a model of gigabytes only one tensor is in memory at a time.
 * 1. Walks in graph order, so that chains of such nodes become one constant.
 * 2. A reshape keeps the bytes where they are; a Transpose reads and turns them anew each time.
 * Does nothing for constants below 1 MB, types of less than a byte, shapes that are computed, and outputs of the model.
 */
export function moveConstants(model: Model, context: PassContext): void {
  const index = new GraphIndex(model.graph);
  const moved: NodeProto[] = [];
  for (const node of model.graph.node) {
    if (!isDefaultDomain(node.domain) || !MOVES.has(node.opType)) continue;
    const constant = index.initializer(node.input[0] ?? '');
    const output = node.output[0];
    if (!constant || !output || node.output.length !== 1 || index.isGraphOutput(output)) continue;
    const bits = elementBits(tensorType(constant));
    if (bits < 8 || bits > 64 || tensorBytes(constant) < LARGE) continue;
    const tensor = movedConstant(model, index, node, constant, output);
    if (!tensor) continue;
    index.addInitializer(tensor);
    moved.push(node);
  }
  if (moved.length === 0) return;
  index.removeNodes(moved);
  index.dropUnusedInitializers();
  context.note({
    code: 'constants-folded',
    severity: 'info',
    message: `${moved.length} nodes that only move large constants were folded into them.`,
  });
}

const MOVES = new Set(['Transpose', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity']);

function movedConstant(
  model: Model,
  index: GraphIndex,
  node: NodeProto,
  constant: TensorProto,
  output: string,
): TensorProto | null {
  const dims = tensorDims(constant);
  const type = tensorType(constant);
  const source = sourceOf(model, constant);
  if (node.opType !== 'Transpose') {
    const shape = reshaped(model, index, node, dims);
    return shape && makeHeldTensor(output, type, shape, source);
  }
  const perm = permutation(node, dims.length);
  if (perm.length !== dims.length || [...perm].sort((a, b) => a - b).some((p, i) => p !== i))
    return null;
  const turned = new ComputedBytes(source.length, () =>
    transposed(source.read(), elementBits(type) / 8, dims, perm),
  );
  const shape = perm.map((axis) => dims[axis]!);
  return makeHeldTensor(output, type, shape, turned);
}

/** The bytes of a constant, wherever they are. */
function sourceOf(model: Model, constant: TensorProto): ByteSource {
  const bytes = tensorBytes(constant);
  if (isExternal(constant)) return externalSource(constant, model.dir, bytes);
  return new ComputedBytes(bytes, () => rawBytes(constant, model.dir).slice());
}

/** The shape after a node that keeps the order of values; null where it is computed. */
function reshaped(
  model: Model,
  index: GraphIndex,
  node: NodeProto,
  dims: readonly number[],
): number[] | null {
  const size = dims.reduce((a, b) => a * b, 1);
  if (node.opType === 'Identity') return [...dims];
  if (node.opType === 'Flatten') {
    const axis = intAttribute(node, 'axis', 1);
    const at = axis < 0 ? axis + dims.length : axis;
    const rows = dims.slice(0, at).reduce((a, b) => a * b, 1);
    return [rows, size / rows];
  }
  const list = index.initializer(node.input[1] ?? '');
  const values = list ? integerValues(list, model.dir) : (intsAttribute(node, 'axes') ?? null);
  if (node.opType === 'Reshape') {
    if (!values || intAttribute(node, 'allowzero', 0) !== 0) return null;
    const shape = values.map((d, i) => (d === 0 ? dims[i]! : d));
    const known = shape.filter((d) => d !== -1).reduce((a, b) => a * b, 1);
    const whole = shape.map((d) => (d === -1 ? size / known : d));
    return whole.reduce((a, b) => a * b, 1) === size ? whole : null;
  }
  if (node.opType === 'Squeeze') {
    if (!values && (node.input[1] ?? '') !== '') return null;
    const axes = new Set(values?.map((a) => (a < 0 ? a + dims.length : a)));
    return dims.filter((d, i) => (values ? !axes.has(i) : d !== 1));
  }
  if (!values) return null;
  const rank = dims.length + values.length;
  const axes = new Set(values.map((a) => (a < 0 ? a + rank : a)));
  let next = 0;
  return Array.from({ length: rank }, (_, i) => (axes.has(i) ? 1 : dims[next++]!));
}

function transposed(
  bytes: Uint8Array,
  size: number,
  dims: readonly number[],
  perm: readonly number[],
): Uint8Array {
  const target = new Uint8Array(bytes.length);
  const { buffer, byteOffset } = bytes;
  const aligned = byteOffset % size === 0 ? buffer : bytes.slice().buffer;
  const at = byteOffset % size === 0 ? byteOffset : 0;
  const count = bytes.length / size;
  switch (size) {
    case 1:
      transposeInto(bytes, target, dims, perm);
      break;
    case 2:
      transposeInto(
        new Uint16Array(aligned, at, count),
        new Uint16Array(target.buffer),
        dims,
        perm,
      );
      break;
    case 4:
      transposeInto(
        new Uint32Array(aligned, at, count),
        new Uint32Array(target.buffer),
        dims,
        perm,
      );
      break;
    default:
      transposeInto(
        new BigUint64Array(aligned, at, count),
        new BigUint64Array(target.buffer),
        dims,
        perm,
      );
  }
  return target;
}
