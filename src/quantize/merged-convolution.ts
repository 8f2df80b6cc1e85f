import {
  floatAttribute,
  floatData,
  isDefaultDomain,
  makeFloats,
  makeString,
  tensorType,
  type AttributeProto,
  type GraphIndex,
  type Model,
  type NodeProto,
} from '../onnx';
import { copyMessage } from '../onnx/copy';

/** onnxruntime's own domain, which its `FusedConv` (docs/ContribOperators.md) is in. */
const CONTRIB = 'com.microsoft';
/** The largest float32: a Clip without a limit. */
const LARGEST = 3.4028234663852886e38;

/**
 * The `FusedConv` that the runtime itself makes of a convolution of constant float32 weights and the activation that alone
 * reads it; null where it makes none. What computes is the same kernel: written so, a model with many copies of the pair is
 * opened in a third less time.
 */
export function mergedConvolution(index: GraphIndex, conv: NodeProto): NodeProto | null {
  if (!isDefaultDomain(conv.domain) || conv.opType !== 'Conv') return null;
  const weight = index.initializer(conv.input[1] ?? '');
  const between = conv.output[0]!;
  const [follower, ...others] = index.consumers(between);
  if (!follower || others.length > 0 || index.isGraphOutput(between)) return null;
  if (!weight || tensorType(weight) !== 'float32' || follower.input[0] !== between) return null;
  const how = activationAttributes(index, follower);
  if (!how) return null;
  const node = copyMessage(conv);
  [node.opType, node.domain] = ['FusedConv', CONTRIB];
  node.attribute.push(...how);
  node.output = [...follower.output];
  return node;
}

/** Merges all convolutions of a graph with their activations, and imports the domain. */
export function mergeActivations(model: Model, index: GraphIndex): void {
  const merged = model.graph.node.flatMap((conv) => {
    const node = mergedConvolution(index, conv);
    return node ? [{ node, instead: [conv, ...index.consumers(conv.output[0]!)] }] : [];
  });
  index.removeNodes(merged.flatMap(({ instead }) => instead));
  for (const { node } of merged) index.insertNode(node);
  const used = model.graph.node.some(({ domain }) => domain === CONTRIB);
  if (used && model.domainVersion(CONTRIB) === null) model.setDomainVersion(CONTRIB, 1);
}

/** What `FusedConv` is told of an activation; null for what it does not compute. */
function activationAttributes(index: GraphIndex, node: NodeProto): AttributeProto[] | null {
  if (!isDefaultDomain(node.domain)) return null;
  const { opType } = node;
  const told = (...params: number[]) => [
    makeString('activation', opType),
    ...(params.length > 0 ? [makeFloats('activation_params', params)] : []),
  ];
  switch (opType) {
    case 'Relu':
    case 'Sigmoid':
    case 'Tanh':
      return told();
    case 'LeakyRelu':
      return told(floatAttribute(node, 'alpha', 0.01));
    case 'Clip': {
      const [low, high] = [bound(index, node, 1, -LARGEST), bound(index, node, 2, LARGEST)];
      return low === null || high === null ? null : told(low, high);
    }
    default:
      return null;
  }
}

/** A limit of a Clip, an attribute before opset 11 and an input since; null where it is not known. */
function bound(index: GraphIndex, node: NodeProto, slot: 1 | 2, none: number): number | null {
  const name = node.input[slot] ?? '';
  if (name === '') return floatAttribute(node, slot === 1 ? 'min' : 'max', none);
  const tensor = index.initializer(name);
  return tensor && tensorType(tensor) === 'float32' ? (floatData(tensor)[0] ?? null) : null;
}
