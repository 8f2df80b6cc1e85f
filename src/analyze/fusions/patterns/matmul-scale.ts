import type { NodeProto } from '../../../onnx';
import { between, blocker, firstOf, float32, frozen } from '../blockers';
import type { FusionPattern, Match } from '../types';
import type { FusionGraph } from '../view';

/** A product with, or a division by, one constant before or behind a MatMul goes into its kernel. */
export const matmulScale: FusionPattern = {
  name: 'MatMul+Scale',
  what: 'Mul or Div by one constant → MatMul, or MatMul → Mul or Div by one constant',
  by: [{ who: 'runtime', name: 'MatMulScaleFusion', level: 'extended' }],
  into: ['FusedMatMul'],
  blockers: ['second-reader', 'graph-output', 'not-constant', 'overridable', 'type', 'taken'],
  gain: 'The kernel multiplies by the constant while it writes: a pass over the matrix less.',
  match({ graph, fused }) {
    return graph.nodes.flatMap((node): Match[] => {
      const factor = factorOf(graph, node);
      if (factor === null) return [];
      const [x, constant] = factor;
      const before = graph.maker(x);
      const behind = graph.readers(node.output[0]!).find((n) => graph.is(n, 'MatMul'));
      const matmul = graph.is(before, 'MatMul') ? before : behind;
      if (!matmul) return [];
      const known = fused.get(matmul) ?? fused.get(node);
      const taken = known !== undefined && known !== 'Transpose+MatMul';
      const why = firstOf(
        () => (matmul === before ? between(graph, matmul, node) : null),
        () => frozen(graph, node, [constant]),
        () => float32(graph, matmul, matmul.input[0]),
        () =>
          taken ? blocker('taken', node, { op: node.opType, value: `the pattern ${known}` }) : null,
      );
      const nodes = matmul === before ? [matmul, node] : [node, matmul];
      // where others read a scaled matrix too, it is computed for them
      const result = node.output[0]!;
      const shared =
        matmul !== before && (graph.readers(result).length > 1 || graph.isOutput(result));
      return [{ nodes, vanish: shared ? [] : [node], host: matmul, blocker: why }];
    });
  },
};

/** The value and the one constant that a node multiplies or divides it by; null for other nodes. */
function factorOf(graph: FusionGraph, node: NodeProto): [string, string] | null {
  if (!graph.is(node, 'Mul', 'Div') || node.input.length !== 2) return null;
  const single = (name: string) => {
    const dims = graph.stored(name) && graph.shape(name);
    return dims?.every((d) => d === 1) ?? false;
  };
  const [a, b] = node.input as [string, string];
  if (single(b)) return [a, b];
  return node.opType === 'Mul' && single(a) ? [b, a] : null;
}
