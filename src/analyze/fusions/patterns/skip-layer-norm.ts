import type { NodeProto } from '../../../onnx';
import type { FusionBlocker } from '../../../results';
import { alsoRead, blocker, firstOf, float32, shown } from '../blockers';
import type { FusionPattern } from '../types';
import { sameDim, type FusionGraph } from '../view';

/** A residual Add before a LayerNorm runs in its kernel. */
export const skipLayerNorm: FusionPattern = {
  name: 'SkipLayerNorm',
  what: 'Add of two computed values of the same three-dimensional shape → LayerNormalization (a node, or one that the runtime makes)',
  by: [{ who: 'runtime', name: 'SkipLayerNormFusion', level: 'extended' }],
  into: ['SkipLayerNormalization'],
  blockers: ['second-reader', 'graph-output', 'shape', 'shape-unknown', 'type', 'taken'],
  gain: 'The sum is normalized while it is computed: it is written and read once less.',
  match({ graph, fused }) {
    return graph.nodes.flatMap((node) => {
      if (!graph.is(node, 'Add')) return [];
      if (node.input.some((name) => graph.isFrozen(name) || graph.isOverridable(name))) return [];
      const sum = node.output[0]!;
      const norm = graph.readers(sum).find((n) => graph.is(n, 'LayerNormalization'));
      const whole = norm ? [norm] : writtenOut(graph, sum, fused);
      if (whole.length === 0) return [];
      const why = firstOf(
        () => alsoRead(graph, sum, whole),
        () => float32(graph, node, sum),
        () => shapes(graph, node),
      );
      return [{ nodes: [node, ...whole], vanish: [node], host: whole[0]!, blocker: why }];
    });
  },
};

/** The nodes of the LayerNorm that normalizes a tensor, where the runtime makes one node of them. */
function writtenOut(
  graph: FusionGraph,
  tensor: string,
  fused: ReadonlyMap<NodeProto, string>,
): NodeProto[] {
  const inside = (n: NodeProto) => fused.get(n) === 'LayerNorm';
  const mean = graph.readers(tensor).find((n) => graph.is(n, 'ReduceMean') && inside(n));
  if (!mean) return [];
  const nodes = [...graph.readers(tensor).filter(inside)];
  for (const node of nodes)
    for (const reader of graph.readers(node.output[0]!))
      if (inside(reader) && !nodes.includes(reader)) nodes.push(reader);
  return nodes;
}

function shapes(graph: FusionGraph, node: NodeProto): FusionBlocker | null {
  const [a, b] = node.input as [string, string];
  const [x, y] = [graph.shape(a), graph.shape(b)];
  if (!x || !y) return blocker('shape-unknown', node, { tensor: x ? b : a });
  if (x.length !== 3) return blocker('shape', node, { tensor: a, value: shown(x) }, THREE);
  if (y.length !== 3) return blocker('shape', node, { tensor: b, value: shown(y) }, THREE);
  for (let i = 0; i < 3; i++) {
    if (x[i] === null) return blocker('shape-unknown', node, { tensor: a });
    if (y[i] === null) return blocker('shape-unknown', node, { tensor: b });
    if (!sameDim(x[i], y[i])) return blocker('shape', node, { tensor: b, value: shown(y) }, THREE);
  }
  return null;
}

const THREE = 'The kernel takes two tensors of [batch, sequence, width].';
