import {
  floatData,
  GraphIndex,
  integerValues,
  intAttribute,
  isDefaultDomain,
  makeInt,
  makeNode,
  makeIntsTensor,
  makeTensor,
  tensorDims,
  tensorOf,
  tensorType,
  type Model,
  type NodeProto,
  type TensorProto,
} from '../../onnx';
import { inferShapes, type TensorInfo } from '../../onnx/shapes';
import type { PassContext } from '../context';

type Shapes = ReadonlyMap<string, TensorInfo>;

/** A product that looks rows up. */
interface LookUp {
  matmul: NodeProto;
  oneHot: NodeProto;
  /** Sizes of the Reshape between them without the last one, which is the depth; null where there is none. */
  rows: number[] | null;
  table: TensorProto;
  type: 'int32' | 'int64';
}

/**
 * A MatMul of OneHot with a constant matrix becomes a Gather of its rows: the embedding that it is, without the products with
 * zero. What holds of tables (`placeTables`) then holds of it: few bytes, read by all other layers.
 * 1. OneHot's values are 0 and 1 along a last axis as deep as the matrix has rows; a Reshape may stand between that leaves this
 *    axis as it is.
 * 2. Indices below zero count from the end, as OneHot has it; those beyond either end take a row of zeros that the table gets
 *    for them.
 * 3. Where nothing but shapes is read of OneHot besides, they are computed from the indices, and it goes.
 * Does nothing where the indices are floats, or the matrix holds anything but finite numbers (0 · ∞ is none).
 */
export function oneHotToGather(model: Model, context: PassContext): void {
  if (!model.graph.node.some((node) => node.opType === 'OneHot')) return;
  const index = new GraphIndex(model.graph);
  const shapes = inferShapes(model);
  for (const matmul of [...model.graph.node]) {
    const found = lookUp(index, shapes, matmul);
    if (!found || !floatData(found.table, model.dir).every((v) => Number.isFinite(v))) continue;
    replace(model, index, found);
    context.rewrote(matmul.name, 'MatMul');
  }
  index.dropUnusedInitializers();
}

function lookUp(index: GraphIndex, shapes: Shapes, matmul: NodeProto): LookUp | null {
  if (matmul.opType !== 'MatMul' || !isDefaultDomain(matmul.domain)) return null;
  const table = index.initializer(matmul.input[1] ?? '');
  if (!table || tensorType(table) !== 'float32' || table.dims.length !== 2) return null;
  let before = index.producer(matmul.input[0]!);
  let rows: number[] | null = null;
  const depth = tensorDims(table)[0]!;
  if (before?.opType === 'Reshape') {
    const shape = index.initializer(before.input[1] ?? '');
    if (!shape || intAttribute(before, 'allowzero', 0) !== 0) return null;
    const sizes = [...integerValues(shape)];
    if (sizes.length < 2 || sizes.pop() !== depth) return null;
    rows = sizes;
    before = index.producer(before.input[0]!);
  }
  if (before?.opType !== 'OneHot' || !isDefaultDomain(before.domain)) return null;
  const [indices = '', depths = '', values = ''] = before.input;
  const info = shapes.get(indices);
  const [deep, both] = [index.initializer(depths), index.initializer(values)];
  if (!info?.shape || !deep || !both || tensorType(both) !== 'float32') return null;
  if (info.type !== 'int32' && info.type !== 'int64') return null;
  const axis = intAttribute(before, 'axis', -1);
  if (axis !== -1 && axis !== info.shape.length) return null;
  const [off, on] = floatData(both, null);
  const whole = tensorType(deep) === 'int32' || tensorType(deep) === 'int64';
  if (!whole || integerValues(deep)[0] !== depth || off !== 0 || on !== 1) return null;
  return { matmul, oneHot: before, rows, table, type: info.type };
}

function replace(
  model: Model,
  index: GraphIndex,
  { matmul, oneHot, rows, table, type }: LookUp,
): void {
  const [depth, columns] = tensorDims(table) as [number, number];
  const base = matmul.name;
  const add = (op: string, inputs: string[], what: string) => {
    const output = index.freshName(`${base}/${what}`);
    const name = index.freshName(`${base}/${op}`);
    index.insertNode(makeNode({ opType: op, name, inputs, outputs: [output] }));
    return output;
  };
  const int = (value: number, what: string) => {
    const data = type === 'int32' ? Int32Array.of(value) : BigInt64Array.of(BigInt(value));
    return index.addInitializer(tensorOf(index.freshName(`${base}/${what}`), type, [], data));
  };
  const ints = (values: readonly number[], what: string) =>
    index.addInitializer(makeIntsTensor(index.freshName(`${base}/${what}`), values));

  // 1. indices from 0 to the depth, where the row of zeros is; −1 is the last row, too
  let indices = oneHot.input[0]!;
  const given = indices;
  const [zero, size] = [int(0, 'zero'), int(depth, 'depth')];
  const fromEnd = add('Add', [indices, size], 'from_end');
  indices = add('Where', [add('Less', [indices, zero], 'below'), fromEnd, indices], 'counted');
  indices = add('Clip', [indices, int(-1, 'before'), size], 'indices');
  if (rows) indices = add('Reshape', [indices, ints(rows, 'rows')], 'in_rows');

  // 2. the table with that row
  const values = new Float32Array((depth + 1) * columns);
  values.set(floatData(table, model.dir));
  const name = index.freshName(`${table.name}_rows`);
  const longer = makeTensor(name, 'float32', [depth + 1, columns], values);
  index.addInitializer(model.parked(longer));
  index.removeNode(matmul);
  index.insertNode(
    makeNode({
      opType: 'Gather',
      name: matmul.name,
      inputs: [name, indices],
      outputs: matmul.output,
      attributes: [makeInt('axis', 0)],
    }),
  );

  // 3. what else reads OneHot
  const hot = oneHot.output[0]!;
  const before = index.consumers(hot);
  for (const reader of before)
    if (reader.opType === 'Reshape' && index.consumers(reader.output[0]!).length === 0)
      if (!index.isGraphOutput(reader.output[0]!)) index.removeNode(reader);
  const readers = index.consumers(hot);
  const measures = ({ opType, attribute }: NodeProto) => opType === 'Shape' && !attribute.length;
  if (index.isGraphOutput(hot) || !readers.every(measures)) return;
  if (readers.length > 0) {
    const outer = add('Shape', [given], 'outer');
    for (const reader of readers) {
      const { name: own, output: outputs } = reader;
      index.removeNode(reader);
      const inputs = [outer, ints([depth], 'inner')];
      const attributes = [makeInt('axis', 0)];
      index.insertNode(makeNode({ opType: 'Concat', name: own, inputs, outputs, attributes }));
    }
  }
  index.removeNode(oneHot);
}
