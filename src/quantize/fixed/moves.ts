import { clone } from '@bufbuild/protobuf';
import type { GraphIndex } from '../../onnx';
import { makeValueInfo, type Model, type NodeProto } from '../../onnx';
import { NodeProtoSchema } from '../../onnx/gen/onnx_pb';
import { openModel } from '../../runtime/open-model';

/** Operators that give the same codes another shape. */
export const VIEW_OPERATORS = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity']);
/** Operators that put codes into another order, choose or repeat them, or put zeros around them. */
export const MOVE_OPERATORS = new Set([
  ...[
    'Transpose',
    'DepthToSpace',
    'SpaceToDepth',
    'Resize',
    'Slice',
    'Split',
    'Tile',
    'Expand',
    'Pad',
  ],
]);

/**
 * Where each value of a moving node's result comes from (−1: a zero that Pad puts there), found by letting the runtime move
 * the numbers 1, 2, 3 …
 * @param shape of its input; float32 tells whole numbers apart up to 2^24, which is checked
 * @param output which of its results
 */
export async function moveSource(
  model: Model,
  index: GraphIndex,
  node: NodeProto,
  shape: readonly number[],
  output: number,
): Promise<Int32Array> {
  const size = shape.reduce((a, b) => a * b, 1);
  if (size >= 2 ** 24) throw new RangeError(`${size} values are too many to follow.`);
  const copy = clone(NodeProtoSchema, node);
  copy.input[0] = 'x';
  copy.output = node.output.map((_, i) => `y${i}`);
  const alone = model.fragment({
    node: [copy],
    initializer: node.input.slice(1).flatMap((name) => index.initializer(name) ?? []),
    input: [makeValueInfo('x', 'float32', shape)],
    output: [makeValueInfo(`y${output}`, 'float32', null)],
  });
  const session = await openModel(alone);
  try {
    const numbers = Float32Array.from({ length: size }, (_, i) => i + 1);
    const moved = await session.run({ x: { type: 'float32', dims: [...shape], data: numbers } });
    return Int32Array.from(moved[`y${output}`]!.data as Float32Array, (from) => from - 1);
  } finally {
    await session.release();
  }
}
