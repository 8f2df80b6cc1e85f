import {
  allNodes,
  bodiesOf,
  elementBits,
  intsAttribute,
  makeNode,
  makeIntsTensor,
  ScopedIndex,
  tensorDims,
  tensorOf,
  tensorType,
  topologicalOrder,
  type GraphIndex,
  type GraphProto,
  type Model,
  type NodeProto,
} from '../../onnx';
import { isPackedAttention } from '../packed-attention';

/** Slots of com.microsoft.Attention. */
const [WEIGHT, BIAS] = [1, 2];

/**
 * Gives com.microsoft.Attention the bias that its schema calls optional and its CPU kernel reads all the same: onnxruntime 1.30
 * ends the process (SIGSEGV) when it runs one without.
 * 1. The bias is zeros, one for every column of the weight: a constant, or where the width of a computed weight is not known,
 *    computed from its shape. The result is the same.
 * 2. In the bodies of If, Loop and Scan, too.
 * 3. Does nothing where there is a bias.
 */
export function attentionBias(model: Model): void {
  for (const { index, graph, nodes } of graphsLacking(model)) {
    for (const node of nodes) index.setInput(node, BIAS, zeros(index, node));
    graph.node = topologicalOrder(graph);
  }
}

/** True where {@link attentionBias} has something to do. */
export function lacksAttentionBias(model: Model): boolean {
  return [...allNodes(model.graph)].some(lacks);
}

const lacks = (node: NodeProto) => isPackedAttention(node) && !node.input[BIAS];

/** Graphs with such nodes, from outside in. */
function graphsLacking(
  model: Model,
): { index: GraphIndex; graph: GraphProto; nodes: NodeProto[] }[] {
  if (!lacksAttentionBias(model)) return [];
  const scoped = new ScopedIndex(model.graph);
  return [null, ...bodiesOf(model.graph)].flatMap((body) => {
    const graph = body?.graph ?? model.graph;
    const nodes = graph.node.filter(lacks);
    return nodes.length > 0 ? [{ index: scoped.of(body), graph, nodes }] : [];
  });
}

/** Name of a tensor of zeros as long as the weight is wide. */
function zeros(index: GraphIndex, node: NodeProto): string {
  const weight = node.input[WEIGHT]!;
  const constant = index.initializer(weight);
  const width = constant
    ? tensorDims(constant).at(-1)!
    : intsAttribute(node, 'qkv_hidden_sizes')?.reduce((a, b) => a + b, 0);
  const name = index.freshName(`${node.name || node.output[0]!}.bias`);
  if (width !== undefined) {
    const type = constant ? tensorType(constant) : 'float32';
    const bytes = new Uint8Array((width * elementBits(type)) / 8);
    return index.addInitializer(tensorOf(name, type, [width], bytes));
  }
  const add = (opType: string, inputs: string[], output: string) => {
    index.insertNode(makeNode({ opType, name: `${output}/${opType}`, inputs, outputs: [output] }));
    return output;
  };
  const last = index.addInitializer(makeIntsTensor(index.freshName(`${name}_axis`), [1]));
  const shape = add('Shape', [weight], index.freshName(`${name}_shape`));
  const columns = add('Gather', [shape, last], index.freshName(`${name}_columns`));
  return add('ConstantOfShape', [columns], name);
}
