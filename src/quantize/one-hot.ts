import {
  floatData,
  integerValues,
  intAttribute,
  isDefaultDomain,
  tensorDims,
  tensorType,
  type GraphIndex,
  type Model,
  type NodeProto,
  type TensorProto,
} from '../onnx';
import type { TensorInfo } from '../onnx/shapes';
import type { Declined } from './context';

/** A product that looks rows up. */
export interface LookUp {
  matmul: NodeProto;
  oneHot: NodeProto;
  /** Sizes of the Reshape between them without the last one, which is the depth; null where there is none. */
  rows: number[] | null;
  table: TensorProto;
  type: 'int32' | 'int64';
}

/** The nodes of a product with one-hot rows. */
interface Chain {
  oneHot: NodeProto;
  reshape: NodeProto | null;
  matmul: NodeProto;
}

/** What is asked about a model. */
interface Asked {
  model: Model;
  index: GraphIndex;
  shapes: ReadonlyMap<string, TensorInfo>;
}

/**
 * What a MatMul of OneHot, or of a Reshape of it, looks up, or why it does not.
 * 1. The matrix is a constant one of finite float32 numbers (0 · ∞ is none).
 * 2. A Reshape in between leaves the last axis as it is, and names its size.
 * 3. OneHot's values are 0 and 1 along a last axis as deep as the matrix has rows; its indices are integers.
 * Null where the MatMul is none of OneHot.
 */
export function oneHotProduct(asked: Asked, matmul: NodeProto): LookUp | Declined | null {
  const chain = chainOf(asked.index, matmul);
  if (!chain) return null;
  const table = tableOf(asked, chain);
  if ('code' in table) return table;
  const depth = tensorDims(table)[0]!;
  const rows = rowsOf(asked, chain, depth);
  if (rows && 'code' in rows) return rows;
  const hot = indicesOf(asked, chain, depth);
  if ('code' in hot) return hot;
  if (!floatData(table, asked.model.dir).every((v) => Number.isFinite(v)))
    return {
      code: 'attribute',
      node: matmul.name,
      value: 'table holds numbers that are not finite',
      remedy: 'Store finite numbers: a product with ∞ or NaN and zeros is none with a row.',
    };
  return { matmul, oneHot: chain.oneHot, rows, table, type: hot.type };
}

function chainOf(index: GraphIndex, matmul: NodeProto): Chain | null {
  if (matmul.opType !== 'MatMul' || !isDefaultDomain(matmul.domain)) return null;
  const before = index.producer(matmul.input[0]!);
  const reshape = before?.opType === 'Reshape' ? before : null;
  const oneHot = reshape ? index.producer(reshape.input[0]!) : before;
  if (oneHot?.opType !== 'OneHot' || !isDefaultDomain(oneHot.domain)) return null;
  return { oneHot, reshape, matmul };
}

function tableOf({ index }: Asked, { matmul }: Chain): TensorProto | Declined {
  const tensor = matmul.input[1] ?? '';
  const node = matmul.name;
  const table = index.initializer(tensor);
  if (!table) return { code: 'not-constant', node, tensor };
  const type = tensorType(table);
  if (type !== 'float32') return { code: 'type', node, tensor, value: type };
  if (table.dims.length === 2) return table;
  const value = `[${table.dims.join(', ')}]`;
  return { code: 'shape', node, tensor, value, remedy: 'Rows are those of a matrix.' };
}

/** Sizes of the Reshape but the last one; null where there is none. */
function rowsOf(
  { model, index, shapes }: Asked,
  { oneHot, reshape }: Chain,
  depth: number,
): number[] | Declined | null {
  if (!reshape) return null;
  const [node, tensor] = [reshape.name, reshape.input[1] ?? ''];
  const shape = index.initializer(tensor);
  if (!shape)
    return {
      ...{ code: 'not-constant', node, tensor },
      remedy: 'Export the model with fixed input sizes.',
    };
  if (intAttribute(reshape, 'allowzero', 0) !== 0)
    return { code: 'attribute', node, value: 'allowzero is 1' };
  const sizes = integerValues(shape, model.dir);
  // a size that is copied from OneHot's last axis is none of the indices
  const own = sizes.lastIndexOf(0) < (shapes.get(oneHot.input[0]!)?.shape?.length ?? 0);
  if (sizes.length >= 2 && sizes.at(-1) === depth && own) return sizes.slice(0, -1);
  return {
    ...{ code: 'shape', node, tensor: reshape.output[0]!, value: `[${sizes.join(', ')}]` },
    remedy: 'Let the Reshape keep the last axis of OneHot, and name its size.',
  };
}

/** Of which type the indices are. */
function indicesOf(
  { model, index, shapes }: Asked,
  { oneHot }: Chain,
  rows: number,
): { type: 'int32' | 'int64' } | Declined {
  const node = oneHot.name;
  const [indices = '', depths = '', values = ''] = oneHot.input;
  const info = shapes.get(indices);
  if (!info?.shape) return { code: 'shape-unknown', node, tensor: indices };
  const { type } = info;
  if (type !== 'int32' && type !== 'int64')
    return {
      ...{ code: 'type', node, tensor: indices, value: type },
      remedy: 'Give OneHot int32 or int64 indices.',
    };
  const axis = intAttribute(oneHot, 'axis', -1);
  if (axis !== -1 && axis !== info.shape.length)
    return { code: 'attribute', node, value: `axis is ${axis}, not the last one` };
  const [deep, both] = [index.initializer(depths), index.initializer(values)];
  if (!deep) return { code: 'not-constant', node, tensor: depths };
  if (!both) return { code: 'not-constant', node, tensor: values };
  const whole = tensorType(deep) === 'int32' || tensorType(deep) === 'int64';
  if (!whole) return { code: 'type', node, tensor: depths, value: tensorType(deep) };
  const [depth] = integerValues(deep, model.dir);
  if (depth !== rows)
    return { code: 'attribute', node, value: `depth is ${depth}, and the table has ${rows} rows` };
  if (tensorType(both) !== 'float32')
    return { code: 'type', node, tensor: values, value: tensorType(both) };
  const [off, on] = floatData(both, model.dir);
  if (off !== 0 || on !== 1)
    return { code: 'attribute', node, value: `values are ${off} and ${on}` };
  return { type };
}
