import { GraphIndex, isDefaultDomain, type Model, type NodeProto } from '../onnx';
import type { TensorInfo } from '../onnx/shapes';
import type { PassContext } from '../quantize/context';
import { batchNormHost } from '../quantize/passes/fold-batchnorm';
import type { Unit } from '../quantize/units';
import type { FusionCandidate, FusionStatus } from '../results';
import { addBlocker, readersBlocker, type Blocker } from './fusion-blockers';
import { activationGain, addGain, batchNormGain } from './fusion-gains';
import { SourceGraph } from './source-graph';

/** What {@link fusionCandidates} reads. */
export interface FusionParts {
  /** The file's own graph, every node named as in the prepared one. */
  source: Model;
  /** The prepared model, and what its passes told. */
  model: Model;
  context: PassContext;
  units: readonly Unit[];
  shapes: ReadonlyMap<string, TensorInfo>;
}

/**
 * Groups of nodes of the file that can run as one, in graph order:
 * 1. a BatchNormalization behind Conv, ConvTranspose or Gemm, with the Relu or Clip behind it: folded by our own pass;
 * 2. a Relu or Clip behind Conv: runs in the kernel, or in the quantizer's range;
 * 3. Conv → Add → Relu of a residual block.
 * Each is `will` or `blocked` with the node in the way.
 */
export function fusionCandidates(parts: FusionParts): FusionCandidate[] {
  const graph = new SourceGraph(parts.source);
  const prepared = new GraphIndex(parts.model.graph);
  const preparedNodes = new Map(parts.model.graph.node.map((n) => [n.name, n]));
  const units = new Map(parts.units.map((u) => [u.name, u]));
  const { context, shapes } = parts;
  const found: FusionCandidate[] = [];
  const push = (
    pattern: FusionCandidate['pattern'],
    nodes: NodeProto[],
    blockedBy: Blocker | null,
    gain: string,
  ) => {
    const status: FusionStatus = blockedBy ? 'blocked' : 'will';
    const layer = context.hostOf(nodes[0]!.name);
    found.push({ pattern, nodes: nodes.map(brief), layer, status, blockedBy, gain });
  };

  for (const node of parts.source.graph.node) {
    if (!isDefaultDomain(node.domain)) continue;
    if (['Conv', 'ConvTranspose', 'Gemm'].includes(node.opType)) weightNode(node);
    else if (node.opType === 'Add') residual(node);
  }
  return found;

  /** Rules 1 and 2. */
  function weightNode(node: NodeProto): void {
    const bn = graph.readers(node.output[0]!).find((n) => n.opType === 'BatchNormalization');
    const bnBlocker = bn ? batchNormBlocker(bn) : null;
    const last = afterBias(bn ?? node);
    const activation = graph.readers(last.output[0]!).find(isActivation);
    const takesActivation = activation && node.opType === 'Conv';
    const actBlocker = takesActivation ? activationBlocker(node, last, activation) : null;
    const bnGain = batchNormGain(node);
    const actGain = activation ? activationGain(activation, shapes) : '';
    if (bn && takesActivation && (bnBlocker || !actBlocker))
      push('Conv+BatchNorm+Activation', [node, bn, activation], bnBlocker, `${bnGain} ${actGain}`);
    else {
      if (bn) push('Conv+BatchNorm', [node, bn], bnBlocker, bnGain);
      if (takesActivation) push('Conv+Activation', [node, activation], actBlocker, actGain);
    }
  }

  function batchNormBlocker(bn: NodeProto): Blocker | null {
    if (context.hostOf(bn.name) !== bn.name) return null;
    const left = preparedNodes.get(bn.name);
    const why = left ? batchNormHost(prepared, left) : null;
    if (why && 'reason' in why) return { node: why.blockedBy, reason: why.reason };
    return { node: bn.name, reason: 'it does not stand right behind the weights' };
  }

  /** The Add of a constant that became the node's bias, or the node itself. */
  function afterBias(node: NodeProto): NodeProto {
    const add = graph.readers(node.output[0]!).find((n) => n.opType === 'Add');
    const host = context.hostOf(node.name);
    return add && context.hostOf(add.name) === host ? add : node;
  }

  function activationBlocker(
    conv: NodeProto,
    last: NodeProto,
    activation: NodeProto,
  ): Blocker | null {
    if (units.get(context.hostOf(conv.name))?.activation?.name === activation.name) return null;
    return (
      readersBlocker(graph, last.output[0]!, activation, 'activation') ?? {
        node: activation.name,
        reason: `'${last.name}' stays a node of its own`,
      }
    );
  }

  /** Rule 3. */
  function residual(add: NodeProto): void {
    if (context.hostOf(add.name) !== add.name) return;
    const relu = graph.readers(add.output[0]!).find((n) => n.opType === 'Relu');
    const convs = add.input.flatMap((tensor) => convBehind(tensor) ?? []);
    if (!relu || convs.length === 0) return;
    const blocker = addBlocker(graph, add, relu, convs, shapes);
    // the runtime takes the first operand that qualifies
    const conv = convs.find(({ end }) => !readersBlocker(graph, end, add, 'add')) ?? convs[0]!;
    push('Conv+Add+Relu', [conv.node, add, relu], blocker, addGain);
  }

  /** The Conv whose result, after its BatchNorm and bias, is `tensor`. */
  function convBehind(tensor: string): { node: NodeProto; end: string } | null {
    const end = graph.origin(tensor);
    let node = graph.producer(end);
    for (let i = 0; node && i < 3; i++) {
      if (node.opType === 'Conv') return { node, end };
      const bias = node.opType === 'Add' && context.hostOf(node.name) !== node.name;
      if (node.opType !== 'BatchNormalization' && !bias) return null;
      const previous: NodeProto | undefined = node.input
        .map((name) => graph.producer(graph.origin(name)))
        .find((n) => n !== undefined && n.opType !== 'Constant');
      node = previous;
    }
    return null;
  }
}

/**
 * Candidates after a run: those that the runtime's optimized graph no longer holds as nodes of their own are
 * `done`; one that is still there blocks its group.
 */
export function settleFusions(
  candidates: readonly FusionCandidate[],
  optimized: Model,
): FusionCandidate[] {
  const left = new Set(optimized.graph.node.map((n) => `${n.opType} ${n.name}`));
  return candidates.map((candidate) => {
    if (candidate.status !== 'will') return candidate;
    const still = candidate.nodes.slice(1).find(({ name, op }) => left.has(`${op} ${name}`));
    if (!still) return { ...candidate, status: 'done' };
    const reason = `the runtime leaves this ${still.op} a node of its own`;
    return { ...candidate, status: 'blocked', blockedBy: { node: still.name, reason } };
  });
}

function brief(node: NodeProto): { name: string; op: string } {
  return { name: node.name, op: node.opType };
}

function isActivation(node: NodeProto): boolean {
  return isDefaultDomain(node.domain) && (node.opType === 'Relu' || node.opType === 'Clip');
}
