import { intAttribute, isDefaultDomain, type NodeProto } from '../../../onnx';
import type { FusionBlocker } from '../../../results';
import { between, blocker, firstOf, float32, frozen, shown } from '../blockers';
import type { FusionPattern, Match, MatchInput } from '../types';
import type { FusionGraph } from '../view';

/** Activations that the runtime's convolution computes by itself. */
export const CONV_ACTIVATIONS = ['Relu', 'Clip', 'Sigmoid', 'Tanh', 'LeakyRelu', 'HardSigmoid'];
/** Those that the range of a quantizer takes in. */
const IN_RANGE = ['Relu', 'Clip'];
const WEIGHTED = ['Conv', 'ConvTranspose', 'Gemm', 'MatMul'];

/**
 * What goes into a convolution's weights, and the activation behind it.
 * 1. BatchNormalization behind Conv (the runtime and we), MatMul (the runtime), ConvTranspose and Gemm (we).
 * 2. Mul or Add of a constant per channel behind Conv.
 * 3. The activation behind all of it: with the BatchNormalization where both can be, else for itself.
 */
export const conv: FusionPattern = {
  name: 'Conv+BatchNorm',
  also: ['Conv+BatchNorm+Activation', 'Conv+Activation', 'Conv+Scale'],
  what: 'Conv, ConvTranspose, Gemm or MatMul → BatchNormalization; Conv → Mul or Add of a constant per channel; Conv → Relu, Clip, Sigmoid, Tanh, LeakyRelu or HardSigmoid',
  by: [
    { who: 'runtime', name: 'ConvBNFusion, MatMulBNFusion', level: 'basic' },
    { who: 'runtime', name: 'ConvMulFusion, ConvAddFusion', level: 'basic' },
    { who: 'runtime', name: 'ConvActivationFusion', level: 'extended' },
    { who: 'pass', name: 'fold batch norm, fold bias', level: null },
    { who: 'pass', name: 'range of the output quantizer (Relu, Clip)', level: null },
  ],
  into: ['Conv', 'FusedConv', 'Gemm', 'QLinearConv', 'ConvTranspose'],
  blockers: [
    ...(['second-reader', 'graph-output', 'not-constant', 'overridable'] as const),
    ...(['qdq-between', 'type', 'provider', 'attribute', 'shape', 'form'] as const),
  ],
  gain: 'What follows goes into the weights or the kernel of the convolution and costs no pass of its own; unfolded it would run in float between two integer layers.',
  match(input) {
    const { graph } = input;
    const matches: Match[] = [];
    const inWeights = new Map<NodeProto, Match>();
    for (const node of graph.nodes) {
      const found = graph.is(node, 'BatchNormalization')
        ? batchNorm(input, node, inWeights)
        : graph.is(node, 'Mul', 'Add')
          ? scale(input, node, inWeights)
          : null;
      if (!found) continue;
      inWeights.set(node, found);
      matches.push(found);
    }
    for (const node of graph.nodes) {
      if (!isDefaultDomain(node.domain)) continue;
      if (!CONV_ACTIVATIONS.includes(node.opType)) continue;
      const pair = graph.beforePair(node.input[0]!);
      const host = foldedBehind(input, pair?.tensor ?? node.input[0]!, inWeights);
      if (!host || !['Conv', 'ConvTranspose'].includes(host.node.opType)) continue;
      const found = activation(input, node, host, pair?.quantize);
      const bn = host.via.find((n) => n.opType === 'BatchNormalization');
      const bnMatch = bn && inWeights.get(bn);
      // both together, where the first is in the way of the second or nothing is
      const together = bnMatch && (bnMatch.blocker ? !bnMatch.pass || found.pass : free(found));
      if (!together) {
        matches.push(found);
        continue;
      }
      matches.splice(matches.indexOf(bnMatch), 1);
      matches.push({
        ...found,
        pattern: 'Conv+BatchNorm+Activation',
        nodes: [host.node, bn, node],
        blocker: bnMatch.blocker ?? found.blocker,
        pass: (bnMatch.pass ?? false) && (found.pass ?? false),
      });
    }
    return matches;
  },
};

const free = ({ blocker: found, pass }: Match) => !found || pass === true;

/** A weight node, and what stands between it and a tensor that goes into its weights. */
export interface Folded {
  node: NodeProto;
  via: NodeProto[];
  /** The tensor that the fused node writes: what it is behind Identity. */
  end: string;
}

/** The weight node whose value, after all that goes into its weights, a tensor is. */
export function foldedBehind(
  { graph, context }: MatchInput,
  tensor: string,
  inWeights: { has(node: NodeProto): boolean },
): Folded | null {
  const via: NodeProto[] = [];
  const end = graph.origin(tensor);
  let node = graph.maker(tensor);
  while (node && via.length < 4) {
    if (isDefaultDomain(node.domain) && WEIGHTED.includes(node.opType)) return { node, via, end };
    const folded = inWeights.has(node) || context.hostOf(node.name) !== node.name;
    if (!folded || !graph.is(node, 'BatchNormalization', 'Mul', 'Add')) return null;
    via.unshift(node);
    const computed = node.input.filter((name) => name !== '' && !graph.isFrozen(name));
    node = graph.maker(computed.find((name) => !graph.isOverridable(name)));
  }
  return null;
}

/** Rule 1. */
function batchNorm(
  input: MatchInput,
  bn: NodeProto,
  inWeights: ReadonlyMap<NodeProto, Match>,
): Match | null {
  const { graph, context } = input;
  const x = bn.input[0]!;
  const pair = graph.beforePair(x);
  const host = foldedBehind(input, pair?.tensor ?? x, inWeights);
  if (!host) return null;
  const { node } = host;
  const last = host.via.at(-1) ?? node;
  const fuses = ['Conv', 'MatMul'].includes(node.opType);
  const found = firstOf(
    () => (pair ? blocker('qdq-between', pair.quantize) : null),
    () =>
      intAttribute(bn, 'training_mode', 0) !== 0
        ? blocker('attribute', bn, { value: 'training_mode is 1' }, EVAL)
        : null,
    () => between(graph, last, bn),
    () => frozen(graph, bn, bn.input.slice(1)),
    () => frozen(graph, node, node.input.slice(1)),
    () => float32(graph, node, node.input[1]),
    () =>
      fuses ? null : blocker('provider', bn, { op: `${node.opType} with BatchNormalization` }, WE),
    () => inWeights.get(last)?.blocker ?? null,
  );
  const pass = context.hostOf(bn.name) !== bn.name;
  return { nodes: [node, bn], blocker: found, pass };
}

const EVAL = 'Call model.eval() and export the model again.';
const WE = 'Quantize it: our own pass folds it.';

/** Rule 2. */
function scale(
  input: MatchInput,
  node: NodeProto,
  inWeights: ReadonlyMap<NodeProto, Match>,
): Match | null {
  const { graph, context } = input;
  const slot = node.input.findIndex((name) => graph.isFrozen(name) || graph.isOverridable(name));
  const x = node.input[1 - slot];
  if (slot < 0 || x === undefined || graph.isFrozen(x)) return null;
  const factor = node.input[slot]!;
  const host = foldedBehind(input, x, inWeights);
  if (host?.node.opType !== 'Conv') return null;
  const last = host.via.at(-1) ?? host.node;
  const found = firstOf(
    () => between(graph, last, node),
    () => frozen(graph, node, [factor]),
    () => frozen(graph, host.node, host.node.input.slice(1)),
    () => float32(graph, host.node, host.node.input[1]),
    () => perChannel(graph, node, host.node, factor),
    () => (slot === 0 ? blocker('form', node, { value: 'its constant is the first input' }) : null),
    () => inWeights.get(last)?.blocker ?? null,
  );
  const pass = context.hostOf(node.name) !== node.name;
  return { pattern: 'Conv+Scale', nodes: [host.node, node], blocker: found, pass };
}

/** The factor must be one value a channel: [C, 1, …] for a Conv of as many spatial dimensions. */
function perChannel(
  graph: FusionGraph,
  node: NodeProto,
  host: NodeProto,
  factor: string,
): FusionBlocker | null {
  const dims = graph.shape(factor);
  const weight = graph.shape(host.input[1]!);
  if (!dims || !weight) return null;
  const own = dims.length === weight.length ? dims.slice(1) : dims;
  const scalar = node.opType === 'Mul' && dims.length === 0;
  const fits =
    own.length === weight.length - 1 && own[0] === weight[0] && own.slice(1).every((d) => d === 1);
  return fits || scalar
    ? null
    : blocker('shape', node, { tensor: factor, value: shown(dims) }, PER_CHANNEL);
}

const PER_CHANNEL = 'Give it one value per output channel, as [C, 1, 1].';

/** Rule 3. */
function activation(
  input: MatchInput,
  node: NodeProto,
  host: Folded,
  quantize: NodeProto | undefined,
): Match {
  const { graph } = input;
  const weightNode = host.node;
  const last = host.via.at(-1) ?? weightNode;
  const found = firstOf(
    () => (quantize ? blocker('qdq-between', quantize) : null),
    () =>
      weightNode.opType === 'Conv'
        ? null
        : blocker('provider', node, { op: `${weightNode.opType} with ${node.opType}` }),
    () => between(graph, last, node),
    () => float32(graph, weightNode, weightNode.input[0]),
    () => (node.opType === 'Clip' ? frozen(graph, node, node.input.slice(1)) : null),
  );
  const unit = input.units.get(input.context.hostOf(weightNode.name));
  const pass = IN_RANGE.includes(node.opType) && unit?.activation?.name === node.name;
  return { pattern: 'Conv+Activation', nodes: [weightNode, node], blocker: found, pass };
}
