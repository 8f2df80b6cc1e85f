import {
  floatData,
  GraphIndex,
  makeInt,
  makeNode,
  makeIntsTensor,
  makeTensor,
  tensorDims,
  tensorOf,
  type Model,
  type NodeProto,
} from '../../onnx';
import { inferShapes } from '../../onnx/shapes';
import type { PassContext } from '../context';
import { oneHotProduct, type LookUp } from '../one-hot';

/**
 * A MatMul of OneHot with a constant matrix becomes a Gather of its rows: the embedding that it is, without the products with
 * zero. What holds of tables (`placeTables`) then holds of it: few bytes, read by all other layers.
 * 1. OneHot's values are 0 and 1 along a last axis as deep as the matrix has rows; a Reshape may stand between that leaves this
 *    axis as it is.
 * 2. Indices below zero count from the end, as OneHot has it; those beyond either end take a row of zeros that the table gets
 *    for them.
 * 3. Where nothing but shapes is read of OneHot besides, they are computed from the indices, and it goes.
 * Does nothing where the indices are floats, or the matrix holds anything but finite numbers (0 · ∞ is none): the context
 * has the reason then.
 */
export function oneHotToGather(model: Model, context: PassContext): void {
  if (!model.graph.node.some((node) => node.opType === 'OneHot')) return;
  const index = new GraphIndex(model.graph);
  const shapes = inferShapes(model);
  for (const matmul of [...model.graph.node]) {
    const found = oneHotProduct({ model, index, shapes }, matmul);
    if (!found) continue;
    if ('code' in found) {
      context.decline(matmul.name, found);
      continue;
    }
    for (const gone of replace(model, index, found)) context.absorb(gone, matmul.name);
    context.rewrote(matmul.name, 'MatMul');
  }
  index.dropUnusedInitializers();
}

/** @returns names of the nodes before the MatMul that nobody needs any more */
function replace(
  model: Model,
  index: GraphIndex,
  { matmul, oneHot, rows, table, type }: LookUp,
): string[] {
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
  const unread = ({ opType, output: [result = ''] }: NodeProto) =>
    opType === 'Reshape' && index.consumers(result).length === 0 && !index.isGraphOutput(result);
  const gone = index.consumers(hot).filter(unread);
  for (const reshape of gone) index.removeNode(reshape);
  const readers = index.consumers(hot);
  const measures = ({ opType, attribute }: NodeProto) => opType === 'Shape' && !attribute.length;
  const names = gone.map(({ name }) => name);
  if (index.isGraphOutput(hot) || !readers.every(measures)) return names;
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
  return [oneHot.name, ...names];
}
