import { blocker } from '../blockers';
import type { FusionPattern, Match } from '../types';

/** A product with one-hot rows takes rows of its matrix; only a pass of ours does it, which says why where it does not. */
export const oneHot: FusionPattern = {
  name: 'OneHot+MatMul',
  what: 'OneHot (→ Reshape that keeps its last axis) → MatMul with a constant matrix',
  by: [{ who: 'pass', name: 'one hot to gather', level: null }],
  into: ['Gather', 'GatherBlockQuantized'],
  blockers: ['not-constant', 'shape', 'shape-unknown', 'attribute', 'type'],
  gain: 'Rows of the matrix are read by their indices: no one-hot tensor is written, and nothing is multiplied by zero.',
  match({ graph, context, units }) {
    return graph.nodes.flatMap((matmul): Match[] => {
      if (!graph.is(matmul, 'MatMul')) return [];
      const before = graph.maker(matmul.input[0]);
      const reshape = graph.is(before, 'Reshape') ? [before] : [];
      const hot = reshape.length > 0 ? graph.maker(before!.input[0]) : before;
      if (!graph.is(hot, 'OneHot')) return [];
      const nodes = [hot, ...reshape, matmul];
      const why = context.declined(matmul.name);
      if (why) {
        const { code, node, remedy, ...about } = why;
        const vanish = nodes.slice(0, -1);
        return [{ nodes, vanish, host: matmul, blocker: blocker(code, node, about, remedy) }];
      }
      const done = units.get(matmul.name)?.op === 'Gather';
      // what others read, too, stays
      const vanish = nodes.filter((n) => n !== matmul && context.hostOf(n.name) === matmul.name);
      return done ? [{ nodes, vanish, host: matmul, blocker: null, pass: true }] : [];
    });
  },
};
