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
 * @param dir the model's folder, for what lies beside its file
 */
export function mergedConvolution(
  index: GraphIndex,
  conv: NodeProto,
  dir: string | null,
): NodeProto | null {
  if (!isDefaultDomain(conv.domain) || conv.opType !== 'Conv') return null;
  const weight = index.initializer(conv.input[1] ?? '');
  const between = conv.output[0]!;
  const [follower, ...others] = index.consumers(between);
  if (!follower || others.length > 0 || index.isGraphOutput(between)) return null;
  if (!weight || tensorType(weight) !== 'float32' || follower.input[0] !== between) return null;
  const how = activationAttributes(index, follower, dir);
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
    const node = mergedConvolution(index, conv, model.dir);
    return node ? [{ node, instead: [conv, ...index.consumers(conv.output[0]!)] }] : [];
  });
  index.removeNodes(merged.flatMap(({ instead }) => instead));
  for (const { node } of merged) index.insertNode(node);
  if (model.graph.node.some(({ domain }) => domain === CONTRIB)) model.importDomain(CONTRIB, 1);
}

/** What `FusedConv` is told of an activation; null for what it does not compute. */
function activationAttributes(
  index: GraphIndex,
  node: NodeProto,
  dir: string | null,
): AttributeProto[] | null {
  if (!isDefaultDomain(node.domain)) return null;
  const { opType } = node;
  const told = (...params: number[]) => [
    makeString('activation', opType),
    ...(params.length > 0 ? [makeFloats('activation_params', params)] : []),
  ];
  /** Of a Clip: an attribute before opset 11, an input since; null where it is computed. */
  const limit = (slot: number, name: string, none: number): number | null => {
    const input = node.input[slot] ?? '';
    if (input === '') return floatAttribute(node, name, none);
    const tensor = index.initializer(input);
    return tensor ? floatData(tensor, dir)[0]! : null;
  };
  switch (opType) {
    case 'Relu':
    case 'Sigmoid':
    case 'Tanh':
      return told();
    case 'LeakyRelu':
      return told(floatAttribute(node, 'alpha', 0.01));
    case 'Clip': {
      const [low, high] = [limit(1, 'min', -LARGEST), limit(2, 'max', LARGEST)];
      return low === null || high === null ? null : told(low, high);
    }
    default:
      return null;
  }
}
