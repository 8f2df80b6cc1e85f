import type { NodeProto } from '../../onnx';
import type { FusionEstimate } from '../../results';
import type { FusionGraph } from './view';

/** Bytes of one element. */
export const BYTES: Readonly<Record<string, number>> = {
  ...{ float64: 8, int64: 8, uint64: 8, float32: 4, int32: 4, uint32: 4 },
  ...{ float16: 2, bfloat16: 2, int16: 2, uint16: 2, int8: 1, uint8: 1, bool: 1 },
};

/** What the nodes that vanish would have cost: each reads its computed inputs and writes its result. */
export function estimate(graph: FusionGraph, vanish: readonly NodeProto[]): FusionEstimate {
  let bytes: number | null = 0;
  for (const node of vanish) {
    const reads = node.input.filter((name) => name !== '' && !graph.isConstant(name));
    for (const tensor of [...reads, node.output[0]!]) {
      const own = tensorSize(graph, tensor);
      bytes = bytes === null || own === null ? null : bytes + own;
    }
  }
  return { passes: vanish.length, bytes };
}

/** Bytes of a tensor for one sample; null where a dimension other than the first is not known. */
export function tensorSize(graph: FusionGraph, tensor: string): number | null {
  const info = graph.info(tensor);
  return info ? sizeOf(info) : null;
}

/** The same by type and shape. */
export function sizeOf({
  type,
  shape,
}: {
  type: string;
  shape: readonly (number | string | null)[] | null;
}): number | null {
  const each = BYTES[type];
  if (!shape || each === undefined) return null;
  let bytes = each;
  for (const [i, dim] of shape.entries()) {
    if (typeof dim === 'number') bytes *= dim;
    else if (i > 0) return null;
  }
  return bytes;
}
