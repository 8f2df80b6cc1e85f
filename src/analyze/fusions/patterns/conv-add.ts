import type { NodeProto } from '../../../onnx';
import type { FusionBlocker } from '../../../results';
import { between, blocker, firstOf, float32, shown } from '../blockers';
import type { FusionPattern, Match, MatchInput } from '../types';
import { sameShape, type FusionGraph } from '../view';
import { CONV_ACTIVATIONS, foldedBehind, type Folded } from './conv';

/** Operators whose results the runtime has in its blocked layout when they come after a Conv. */
const BLOCKED_LAYOUT = new Set(
  `Conv MaxPool AveragePool GlobalAveragePool GlobalMaxPool BatchNormalization Relu Clip Sigmoid Tanh LeakyRelu
   HardSigmoid Add Sum Mul Concat Resize Upsample`.split(/\s+/),
);

/** Activations that the blocked layout's convolution takes in behind a sum. */
const BLOCKED_ACTIVATIONS = ['Relu', 'Sigmoid', 'Tanh', 'HardSigmoid'];

/**
 * The residual Add behind a convolution, with the activation behind it. Two optimizers do it, at level `all`:
 * 1. In the blocked layout (x86-64, constant weights): one operand comes from a Conv that nobody else reads, the other one is in
 *    that layout too.
 * 2. Outside of it: the Conv has a bias, and its input has four dimensions that are known or named.
 * For both, the operands have the same shape.
 */
export const convAdd: FusionPattern = {
  name: 'Conv+Add',
  also: ['Conv+Add+Activation'],
  what: 'Conv → Add of a computed value of the same shape (→ Relu, Clip, Sigmoid, Tanh, LeakyRelu or HardSigmoid)',
  by: [
    { who: 'runtime', name: 'NchwcTransformer', level: 'all' },
    { who: 'runtime', name: 'ConvAddActivationFusion', level: 'all' },
  ],
  into: ['Conv', 'FusedConv'],
  blockers: [
    ...(['second-reader', 'graph-output', 'layout', 'shape', 'shape-unknown'] as const),
    ...(['no-bias', 'same-value', 'type', 'taken', 'provider'] as const),
  ],
  gain: "In float they run as one kernel; in integers as two, QLinearConv and QLinearAdd, with the activation in the range of the sum's quantizer.",
  match(input) {
    const { graph, fused } = input;
    const matches: Match[] = [];
    const taken = new Map<NodeProto, NodeProto>();
    for (const add of graph.nodes) {
      if (!graph.is(add, 'Add') || fused.has(add)) continue;
      if (add.input.some((name) => graph.isFrozen(name) || graph.isOverridable(name))) continue;
      const convs = add.input.flatMap((tensor) => {
        const found = foldedBehind(input, tensor, fused);
        return found?.node.opType === 'Conv' ? [found] : [];
      });
      if (convs.length === 0) continue;
      const found = residual(input, add, convs, taken);
      for (const { blocker: why, nodes } of found) if (!why) taken.set(nodes[0]!, add);
      matches.push(...found);
    }
    return matches;
  },
};

function residual(
  { graph, blockedLayout: blocked }: MatchInput,
  add: NodeProto,
  convs: readonly Folded[],
  taken: ReadonlyMap<NodeProto, NodeProto>,
): Match[] {
  const readers = graph.readers(add.output[0]!);
  const act = readers.find((n) => graph.is(n, ...CONV_ACTIVATIONS));
  const [a, b] = add.input.map((name) => graph.origin(name)) as [string, string];
  const last = (conv: Folded) => conv.via.at(-1) ?? conv.node;
  const tried = convs.map((conv) =>
    firstOf(
      () => between(graph, last(conv), add),
      () => inItsWay(graph, add, conv, conv.end === a ? b : a, blocked),
      () =>
        taken.has(conv.node)
          ? blocker('taken', conv.node, { op: 'Conv', value: `'${taken.get(conv.node)!.name}'` })
          : null,
    ),
  );
  const at = Math.max(0, tried.indexOf(null));
  const conv = convs[at]!;
  const found = firstOf(
    () => (a === b ? blocker('same-value', add) : null),
    () => shapes(graph, add, a, b),
    () => tried[at]!,
  );
  const inner: Match = { pattern: 'Conv+Add', nodes: [conv.node, add], blocker: found };
  // an activation that cannot follow does not keep the sum out
  if (!act || between(graph, add, act)) return [inner];
  const apart = inBlocks(graph, conv.node, blocked) && !BLOCKED_ACTIVATIONS.includes(act.opType);
  const nodes = [conv.node, add, act];
  if (!apart || found) return [{ pattern: 'Conv+Add+Activation', nodes, blocker: found }];
  const why = blocker('provider', act, { op: `Conv with Add and ${act.opType}` }, RELU);
  return [inner, { pattern: 'Conv+Add+Activation', nodes, vanish: [act], blocker: why }];
}

const RELU = 'Relu, Sigmoid, Tanh and HardSigmoid can follow the sum.';

/** True where a convolution works in the blocked layout: what it multiplies by is constant, and the machine has one. */
function inBlocks(graph: FusionGraph, { input }: NodeProto, blocked: boolean): boolean {
  return blocked && graph.isFrozen(input[1]!) && (!input[2] || graph.isFrozen(input[2]));
}

function shapes(graph: FusionGraph, add: NodeProto, a: string, b: string): FusionBlocker | null {
  const [x, y] = [graph.shape(a), graph.shape(b)];
  if (!x || !y) return blocker('shape-unknown', add, { tensor: x ? b : a });
  if (sameShape(x, y)) return null;
  const open = [x, y].find((s) => s.includes(null));
  if (open) return blocker('shape-unknown', add, { tensor: open === x ? a : b });
  return blocker(
    'shape',
    add,
    { tensor: b, value: `${shown(y)}, not ${shown(x)}` },
    'Broadcast it before, if it must be.',
  );
}

function inItsWay(
  graph: FusionGraph,
  add: NodeProto,
  { node, end }: Folded,
  other: string,
  blocked: boolean,
): FusionBlocker | null {
  const type = float32(graph, node, end);
  if (type) return type;
  if (!inBlocks(graph, node, blocked)) return node.input[2] ? null : blocker('no-bias', node);
  const source = graph.maker(other);
  if (!source) return blocker('layout', add, { tensor: other });
  return BLOCKED_LAYOUT.has(source.opType)
    ? null
    : blocker('layout', source, { op: source.opType, tensor: other });
}
