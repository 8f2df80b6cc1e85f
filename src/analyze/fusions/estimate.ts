import { elementBits, type ElementType, type NodeProto } from '../../onnx';
import type { FusionEstimate } from '../../results';
import type { FusionGraph } from './view';

/**
 * What the nodes that vanish would have cost: each reads its computed inputs and writes its result. A Reshape does neither:
 * the runtime gives its input another shape.
 */
export function estimate(graph: FusionGraph, vanish: readonly NodeProto[]): FusionEstimate {
  const passes = vanish.filter((node) => !graph.is(node, 'Reshape'));
  let bytes: number | null = 0;
  for (const node of passes) {
    const reads = node.input.filter((name) => name !== '' && !graph.isConstant(name));
    for (const tensor of [...reads, node.output[0]!]) {
      const own = tensorSize(graph, tensor);
      bytes = bytes === null || own === null ? null : bytes + own;
    }
  }
  return { passes: passes.length, bytes };
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
  type: ElementType;
  shape: readonly (number | string | null)[] | null;
}): number | null {
  const bits = elementBits(type);
  if (!shape || bits === 0) return null;
  let bytes = bits / 8;
  for (const [i, dim] of shape.entries()) {
    if (typeof dim === 'number') bytes *= dim;
    else if (i > 0) return null;
  }
  return bytes;
}
