import { blocker, firstOf } from '../blockers';
import type { FusionPattern } from '../types';
import { axesOf } from './matmul';

/** Two Transposes in a row become one, or none where they undo one another. */
export const transposes: FusionPattern = {
  name: 'Transpose pair',
  what: 'Transpose → Transpose',
  by: [{ who: 'runtime', name: 'TransposeOptimizer', level: 'basic' }],
  into: [],
  blockers: ['graph-output'],
  gain: 'A copy of the tensor less, or two where they undo one another.',
  match({ graph }) {
    return graph.nodes.flatMap((second) => {
      if (!graph.is(second, 'Transpose')) return [];
      const first = graph.maker(second.input[0]);
      if (!graph.is(first, 'Transpose')) return [];
      const [p, q] = [axesOf(graph, first), axesOf(graph, second)];
      if (!p || !q || p.length !== q.length) return [];
      const undone = q.every((axis, i) => p[axis] === i);
      const shared = graph.readers(first.output[0]!).length > 1;
      const vanish = [...(shared ? [] : [first]), ...(undone ? [second] : [])];
      const why = firstOf(() =>
        graph.isOutput(first.output[0]!)
          ? blocker('graph-output', first, { op: 'the second Transpose' })
          : null,
      );
      return [{ nodes: [first, second], vanish, blocker: why }];
    });
  },
};
