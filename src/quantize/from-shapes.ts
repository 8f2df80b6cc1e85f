import { isDefaultDomain, subgraphs, type GraphIndex } from '../onnx';

/** Operators whose results are of shapes alone, whatever values they read. */
const OF_SHAPES = new Set(['Shape', 'Size']);
/** Operators that draw their results. */
const DRAWN = /^(Random|Multinomial$|Bernoulli$)/;

/**
 * True for a tensor that no value of the model's inputs can change: it is computed from shapes and constants alone. A node that
 * holds a graph, or draws numbers, is taken for one whose results change.
 */
export function isFromShapes(index: GraphIndex, tensor: string): boolean {
  const seen = new Set<string>();
  const open = [tensor];
  while (open.length > 0) {
    const name = open.pop()!;
    if (name === '' || seen.has(name) || index.isConstant(name)) continue;
    seen.add(name);
    const node = index.producer(name);
    if (!node || DRAWN.test(node.opType) || subgraphs(node).length > 0) return false;
    if (!isDefaultDomain(node.domain) || !OF_SHAPES.has(node.opType)) open.push(...node.input);
  }
  return true;
}
