import type { GraphIndex, NodeProto } from '../../onnx';

/** The nodes between a tensor and the nearest ones before it that are known, in no order; constants are none. */
export function nodesSince(
  index: GraphIndex,
  tensor: string,
  known: (tensor: string) => boolean,
): Set<NodeProto> {
  const found = new Set<NodeProto>();
  const open = [tensor];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const node = index.producer(name);
    if (!node || found.has(node)) continue;
    found.add(node);
    open.push(...node.input.filter((n) => n !== '' && !index.isConstant(n) && !known(n)));
  }
  return found;
}
