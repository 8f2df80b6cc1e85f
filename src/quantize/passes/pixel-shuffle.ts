import {
  GraphIndex,
  integerValues,
  intsAttribute,
  makeInt,
  makeNode,
  makeString,
  type Model,
  type NodeProto,
} from '../../onnx';
import { inferShapes } from '../../onnx/shapes';
import type { PassContext } from '../context';

/** Axes [N, C, r, r, H, W] become [N, C, H, r, W, r]. */
const INTERLEAVE = [0, 1, 4, 2, 5, 3];

/**
 * The Reshape–Transpose–Reshape that PyTorch exports for PixelShuffle becomes DepthToSpace in CRD order, which moves the
 * same values in a fifth of the time (https://onnx.ai/onnx/operators/onnx__DepthToSpace.html). Does nothing where a
 * shape is not known, the blocks are not square, or a value between has other readers.
 */
export function pixelShuffle(model: Model, context: PassContext): void {
  const index = new GraphIndex(model.graph);
  let shapes: ReturnType<typeof inferShapes> | null = null;
  index.batch(() => {
    for (const transpose of [...model.graph.node]) {
      if (transpose.opType !== 'Transpose' || transpose.domain !== '') continue;
      if (intsAttribute(transpose, 'perm')?.join() !== INTERLEAVE.join()) continue;
      const split = index.producer(transpose.input[0]!);
      const merge = soleReader(index, transpose.output[0]!);
      if (split?.opType !== 'Reshape' || merge?.opType !== 'Reshape') continue;
      if (soleReader(index, split.output[0]!) !== transpose) continue;
      shapes ??= inferShapes(model);
      const block = blockSize(
        shapes.get(split.input[0]!)?.shape,
        constant(model, index, split),
        constant(model, index, merge),
      );
      if (block === null) continue;
      const output = merge.output[0]!;
      for (const node of [merge, transpose, split]) index.removeNode(node);
      index.insertNode(
        makeNode({
          opType: 'DepthToSpace',
          name: transpose.name,
          inputs: [split.input[0]!],
          outputs: [output],
          attributes: [makeInt('blocksize', block), makeString('mode', 'CRD')],
        }),
      );
      context.absorb(split.name, transpose.name);
      context.absorb(merge.name, transpose.name);
    }
  });
  index.dropUnusedInitializers();
}

/** The block size, if [N, C·r², H, W] is split into [N, C, r, r, H, W] and merged to [N, C, H·r, W·r]. */
function blockSize(
  from: readonly (number | string | null)[] | null | undefined,
  split: readonly number[] | null,
  merged: readonly number[] | null,
): number | null {
  if (from?.length !== 4 || split?.length !== 6 || merged?.length !== 4) return null;
  const [batch, depth, height, width] = from;
  const [n, c, r, r2, h, w] = split as [number, number, number, number, number, number];
  const sameBatch = (d: number) => d === -1 || d === 0 || d === batch;
  const fits =
    r === r2 &&
    h === height &&
    w === width &&
    c * r * r === depth &&
    merged[1] === c &&
    merged[2] === h * r &&
    merged[3] === w * r &&
    sameBatch(n) &&
    sameBatch(merged[0]!);
  return fits ? r : null;
}

function constant(model: Model, index: GraphIndex, reshape: NodeProto): number[] | null {
  const tensor = index.initializer(reshape.input[1] ?? '');
  return tensor ? integerValues(tensor, model.dir) : null;
}

function soleReader(index: GraphIndex, tensor: string): NodeProto | null {
  const readers = index.consumers(tensor);
  return readers.length === 1 && !index.isGraphOutput(tensor) ? readers[0]! : null;
}
