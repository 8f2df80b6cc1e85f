import { label, type Model, type NodeProto } from '../../onnx';
import type { FusionCandidate } from '../../results';
import { blocker } from './blockers';
import { RuntimeGraph } from './runtime-graph';

/** The graphs that the runtime wrote. */
export interface RuntimeGraphs {
  /** At the level that users get. */
  all: Model;
  /** Before layouts change, where it was written too: every tensor has its own name there. */
  extended?: Model;
  /** True where they are of the model that was written: our passes have run, and it may be quantized. */
  written?: boolean;
}

/**
 * Candidates after the runtime's graph was read:
 * 1. `done` where the nodes that were to vanish are gone and a node of the pattern's kind does their work;
 * 2. a prediction that the graph contradicts becomes `blocked` for a reason `unknown`;
 * 3. what one of our passes does and the runtime does not stays `will` in the graph of the file itself;
 * 4. in the graph of a written model, nodes that run on codes or between conversions are kept apart by these.
 * Without the graph before layouts change, `blocked` stays: a BatchNormalization that was left has no name after it.
 */
export function settleFusions(
  candidates: readonly FusionCandidate[],
  source: Model,
  graphs: RuntimeGraphs,
): FusionCandidate[] {
  const all = new RuntimeGraph(graphs.all, source);
  const early = graphs.extended ? new RuntimeGraph(graphs.extended, source) : all;
  const nodes = new Map(source.graph.node.map((node) => [node.name, node]));
  return candidates.map((candidate) => {
    const late = candidate.by.some(({ level }) => level === 'all');
    if (candidate.status === 'blocked' && !late && !graphs.extended) return candidate;
    const group = candidate.nodes.flatMap(({ name }) => nodes.get(name) ?? []);
    if (group.length === 0) return candidate;
    const found = (late ? all : early).find(candidate, group);
    if ('into' in found) {
      const into = all.find(candidate, group);
      const node = 'into' in into ? into.into : found.into;
      return {
        ...candidate,
        ...{ status: 'done', blockedBy: null, alone: null },
        into: node && named(node),
      };
    }
    if (candidate.status === 'blocked') return candidate;
    if (candidate.alone && !graphs.written) return candidate;
    const { left } = found;
    const blockedBy =
      graphs.written && (late ? all : early).isQuantized(left)
        ? blocker(
            'qdq-between',
            left,
            {},
            'In INT8 there is no kernel for both: keep them in FP32 where that is faster.',
          )
        : blocker('unknown', left, { op: left.opType });
    return { ...candidate, status: 'blocked', alone: null, blockedBy };
  });
}

/** A node as results name it. */
export function named(node: NodeProto): { name: string; op: string } {
  return { name: label(node), op: node.opType };
}
