import { label, type Model, type NodeProto } from '../../onnx';
import type { FusionBlocker, FusionCandidate } from '../../results';
import { blocker } from './blockers';
import { RuntimeGraph } from './runtime-graph';
import { byPassAlone } from './table';

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
 * 4. in the graph of a written model, nodes that run on codes or between conversions are kept apart by these, and
 * 5. what the runtime would have made with a node that a pass alone took, or that was written as another operator, is `taken`.
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
  const settled = candidates.map((candidate): FusionCandidate => {
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
    const passAlone = candidate.alone !== null || byPassAlone(candidate.pattern);
    if (passAlone && !graphs.written) return candidate;
    const graph = late ? all : early;
    const blockedBy = graphs.written
      ? whyNotWritten(graph, group, found.left)
      : blocker('unknown', found.left, { op: found.left.opType });
    return { ...candidate, status: 'blocked', alone: null, blockedBy };
  });
  return graphs.written ? settled.map((one, i) => taken(one, candidates[i]!, settled)) : settled;
}

/** What kept a written model from a fusion. @param left the node of the group that is still there */
function whyNotWritten(
  graph: RuntimeGraph,
  group: readonly NodeProto[],
  left: NodeProto,
): FusionBlocker {
  if (graph.isQuantized(left))
    return blocker(
      'qdq-between',
      left,
      {},
      'In INT8 there is no kernel for both: keep them in FP32 where that is faster.',
    );
  for (const node of group) {
    const instead = graph.insteadOf(node);
    if (node === left || !instead) continue;
    return blocker('taken', node, { op: node.opType, value: instead.opType });
  }
  return blocker('unknown', left, { op: left.opType });
}

/** A prediction that did not come true, for a pass took one of the nodes. */
function taken(
  one: FusionCandidate,
  { status }: FusionCandidate,
  all: readonly FusionCandidate[],
): FusionCandidate {
  if (one.status !== 'blocked' || status === 'blocked') return one;
  const names = new Set(one.nodes.map(({ name }) => name));
  for (const { pattern, status: now, nodes } of all) {
    const shared = nodes.find(({ name }) => names.has(name));
    if (!shared || now !== 'done' || !byPassAlone(pattern)) continue;
    const about = { op: shared.op, value: `the pattern ${pattern}` };
    return { ...one, blockedBy: blocker('taken', shared.name, about) };
  }
  return one;
}

/** A node as results name it. */
export function named(node: NodeProto): { name: string; op: string } {
  return { name: label(node), op: node.opType };
}
