import {
  GraphIndex,
  makeNode,
  makeIntsTensor,
  tensorDims,
  type Model,
  type NodeProto,
} from '../onnx';
import { inferShapes } from '../onnx/shapes';
import { whyNotTakenApart, writeAttention } from '../quantize/weight-only/attention';

/** Inputs of com.microsoft.QAttention. */
const [X, WEIGHT, BIAS, X_SCALE, W_SCALE, MASK, X_ZERO, W_ZERO, PAST] = [0, 1, 2, 3, 4, 5, 6, 7, 8];

/**
 * Takes every QAttention of an executed graph apart, in place: the integer product as com.microsoft.MatMulIntegerToFloat, which is
 * what it computes first, and com.microsoft.MultiHeadAttention for the rest. Those that have no such form stay.
 * @returns the products by the nodes whose place they took
 */
export function takeAttentionApart(graph: Model): Map<NodeProto, NodeProto> {
  const products = new Map<NodeProto, NodeProto>();
  const whole = graph.graph.node.filter((node) => node.opType === 'QAttention');
  if (whole.length === 0) return products;
  const shapes = inferShapes(graph);
  const index = new GraphIndex(graph.graph);
  const ints = (values: readonly number[]) =>
    index.addInitializer(makeIntsTensor(index.freshName('ints'), values));
  const shapeOf = (tensor: string) => shapes.get(tensor)?.shape ?? null;
  const masks = new Map<string, string>();
  for (const node of whole) {
    const own = (slot: number) => node.input[slot] ?? '';
    const weight = index.initializer(own(WEIGHT));
    const inputs = [X, WEIGHT, BIAS, MASK, PAST].map(own);
    const { attribute, name, output: outputs } = node;
    const float = makeNode({ opType: 'Attention', name, inputs, outputs, attributes: attribute });
    const why = whyNotTakenApart(index, float, shapeOf);
    if (!weight || why !== null) continue;
    const product = makeNode({
      opType: 'MatMulIntegerToFloat',
      domain: 'com.microsoft',
      name: index.freshName(`${name}/product`),
      inputs: [X, WEIGHT, X_SCALE, W_SCALE, X_ZERO, W_ZERO].map(own),
      outputs: [index.freshName(`${name}_product`)],
    });
    while (product.input.at(-1) === '') product.input.pop();
    index.removeNode(node);
    index.insertNode(product);
    const columns = tensorDims(weight).at(-1)!;
    const parts = { node: float, shapeOf, product: product.output[0]!, columns, name, outputs };
    writeAttention(index, parts, ints, masks);
    products.set(node, product);
  }
  return products;
}
