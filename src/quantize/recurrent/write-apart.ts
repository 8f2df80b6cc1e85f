import type { GraphIndex, NodeProto } from '../../onnx';
import type { ConstantWriter, WeightSettings } from '../weights';
import { readCell } from './cell';
import { dynamicProjection, stepKernel } from './dynamic-projection';
import { expandCell, type SequenceSizes } from './expand';
import type { Projection } from './projection';
import { staticProjection, type StaticSettings } from './static-projection';

/**
 * Takes a recurrent node apart in static INT8 and returns the scales of its input weights. Its sequence must come
 * dequantized already. @throws Error for a node that {@link whyNotApart} names a reason for
 */
export function writeApart(
  index: GraphIndex,
  node: NodeProto,
  sizes: SequenceSizes,
  dir: string | null,
  settings: StaticSettings,
): Float32Array {
  return write(index, node, sizes, dir, staticProjection(settings));
}

/** The same with products whose left side is quantized while the model runs. */
export function writeApartDynamic(
  index: GraphIndex,
  node: NodeProto,
  sizes: SequenceSizes,
  dir: string | null,
  writer: ConstantWriter,
  weights: WeightSettings,
): Float32Array {
  const kernel = stepKernel(sizes.batch, weights.headroom !== undefined);
  return write(
    index,
    node,
    sizes,
    dir,
    dynamicProjection(writer, weights, kernel, sizes.batch === 1),
  );
}

function write(
  index: GraphIndex,
  node: NodeProto,
  sizes: SequenceSizes,
  dir: string | null,
  projection: Projection & { readonly scales: number[] },
): Float32Array {
  const cell = readCell(index, node, dir);
  if (typeof cell === 'string') throw new Error(`'${node.name}' cannot be taken apart: ${cell}`);
  expandCell(index, cell, projection, sizes);
  return Float32Array.from(projection.scales);
}
