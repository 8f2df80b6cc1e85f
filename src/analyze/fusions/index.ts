import type { Model, NodeProto } from '../../onnx';
import type { PassContext } from '../../quantize/context';
import type { Unit } from '../../quantize/units';
import type { Fuser, FusionCandidate, FusionPatternName } from '../../results';
import { estimate } from './estimate';
import { byPassAlone, FUSIONS } from './table';
import type { FusionPattern, Match, MatchInput } from './types';
import { FusionGraph } from './view';

export { settleFusions } from './settle';

/** What {@link fusionCandidates} reads. */
export interface FusionParts {
  /** The file's own graph, every node named as in the prepared one. */
  source: Model;
  /** The prepared model, and what its passes told. */
  model: Model;
  context: PassContext;
  units: readonly Unit[];
}

/** A match with its place in the table. */
interface Found {
  pattern: FusionPattern;
  name: FusionPatternName;
  match: Match;
}

/** How a fusion that waits for our passes comes about. */
const PREPARING: Fuser = { who: 'pass', name: 'preparing', level: null };

/**
 * Groups of nodes of the file that can run as one, in graph order, as the table of fusions has them. Each is `will`, by the
 * runtime, by one of our passes, or by the runtime once our passes have prepared the model; or `blocked` by a node, with the
 * reason and what would free it. Bodies of If, Loop and Scan are not looked at.
 */
export function fusionCandidates(parts: FusionParts): FusionCandidate[] {
  const graph = new FusionGraph(parts.source);
  const found = matches(graph, parts);
  const waits = found.some(({ match }) => match.blocker && !match.pass);
  const after = new Set(
    (waits ? matches(new FusionGraph(parts.model), parts) : [])
      .filter(({ match }) => !match.blocker)
      .map(keyOf),
  );
  const order = new Map(graph.nodes.map((node, i) => [node, i]));
  return found
    .map((one) => ({
      at: Math.min(...one.match.nodes.map((node) => order.get(node) ?? 0)),
      candidate: candidate(graph, parts.context, one, after.has(keyOf(one))),
    }))
    .sort((a, b) => a.at - b.at)
    .map((one) => one.candidate);
}

function matches(graph: FusionGraph, { context, units }: FusionParts): Found[] {
  const fused = new Map<NodeProto, FusionPatternName>();
  const input: MatchInput = {
    graph,
    context,
    units: new Map(units.map((unit) => [unit.name, unit])),
    blockedLayout: process.arch === 'x64',
    fused,
  };
  return FUSIONS.flatMap((pattern) =>
    pattern.match(input).map((match) => {
      const name = match.pattern ?? pattern.name;
      if (!match.blocker && !byPassAlone(name))
        for (const node of match.nodes) fused.set(node, name);
      return { pattern, name, match };
    }),
  );
}

/** The same group in the file and in the prepared model: names stay. */
function keyOf({ name, match }: Found): string {
  return `${name} ${match.nodes.at(-1)!.name}`;
}

function candidate(
  graph: FusionGraph,
  context: PassContext,
  { pattern, name, match }: Found,
  freed: boolean,
): FusionCandidate {
  const { nodes, pass } = match;
  const vanish = match.vanish ?? nodes.slice(1);
  const waits = match.blocker !== null && !pass && freed;
  const blocked = match.blocker !== null && !pass && !freed;
  const by = pattern.by.filter(({ who }) => {
    if (blocked) return true;
    return who === 'pass' ? pass === true : match.blocker === null || waits;
  });
  return {
    pattern: name,
    nodes: nodes.map((node) => ({ name: node.name, op: node.opType })),
    vanishing: vanish.map((node) => node.name),
    layer: context.hostOf((match.host ?? nodes[0]!).name),
    status: blocked ? 'blocked' : 'will',
    by: waits ? [PREPARING, ...by] : by,
    blockedBy: blocked ? match.blocker : null,
    alone: blocked ? null : match.blocker,
    into: null,
    gain: pattern.gain,
    estimate: estimate(graph, vanish),
  };
}
