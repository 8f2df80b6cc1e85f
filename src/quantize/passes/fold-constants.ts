import {
  GraphIndex,
  isDefaultDomain,
  makeTensor,
  untyped,
  type Model,
  subgraphs,
  tensorBytes,
  type NodeProto,
  type TensorProto,
} from '../../onnx';
import { openModel } from '../../runtime/open-model';
import type { PassContext } from '../context';

/** Operators whose result is not the same every time, or that must stay for what they mean. */
const NEVER = new Set([
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
  'Multinomial',
  'Bernoulli',
  'QuantizeLinear',
  'DequantizeLinear',
  'DynamicQuantizeLinear',
  'SequenceConstruct',
  'SequenceEmpty',
  'Optional',
]);
/** Results above this many bytes are not stored: the file would grow (ConstantOfShape, Expand). */
const LARGEST = 16 << 20;
/** Nodes that read constants of so many bytes together are computed apart from the others. */
const ALONE = 1 << 20;

/**
 * Computes what depends on constants alone, with the runtime's own operators.
 * 1. Collect the nodes of default domain whose inputs are constants or come from collected nodes.
 * 2. Run them once as a model of their own; what reads large constants apart from the rest, one after the other.
 * 3. Store the results that other nodes read; drop the collected nodes.
 * Does nothing where there is no such node, or where the runtime cannot compute them.
 */
export async function foldConstants(model: Model, context: PassContext): Promise<void> {
  const graph = model.graph;
  const outputs = new Set(graph.output.map((v) => v.name));
  const known = new Set(graph.initializer.map((t) => t.name));
  const folded: NodeProto[] = [];
  for (const node of graph.node) {
    if (!isDefaultDomain(node.domain) || NEVER.has(node.opType)) continue;
    if (subgraphs(node).length > 0 || node.input.length === 0) continue;
    if (node.input.some((name) => name !== '' && !known.has(name))) continue;
    if (node.output.some((o) => outputs.has(o))) continue;
    folded.push(node);
    node.output.forEach((o) => known.add(o));
  }
  if (folded.length === 0) return;
  const index = new GraphIndex(graph);
  const inside = new Set(folded);
  const values: TensorProto[] = [];
  for (const nodes of groups(folded, index)) {
    const wanted = nodes.flatMap((node) =>
      node.output.filter((o) => o !== '' && index.consumers(o).some((c) => !inside.has(c))),
    );
    values.push(...((await evaluate(model, nodes, wanted, index)) ?? []));
  }
  if (values.length === 0) return;
  const stored = new Set(values.map((t) => t.name));
  for (const tensor of values) index.addInitializer(tensor);
  const gone = new Set<NodeProto>();
  for (const node of [...folded].reverse())
    if (node.output.every((o) => stored.has(o) || index.consumers(o).every((c) => gone.has(c))))
      gone.add(node);
  index.removeNodes(gone);
  index.dropUnusedInitializers();
  context.note({
    code: 'constants-folded',
    severity: 'info',
    message: `${gone.size} nodes that depend on constants alone were computed once.`,
  });
}

/**
 * The nodes in groups that do not read one another: one of all that is small, and one for each that reads large constants,
 * so that these are in memory one after the other.
 */
function groups(folded: readonly NodeProto[], index: GraphIndex): NodeProto[][] {
  const groupOf = new Map<NodeProto, NodeProto>();
  const root = (node: NodeProto): NodeProto => {
    let at = node;
    for (let up = groupOf.get(at); up && up !== at; up = groupOf.get(at)) at = up;
    groupOf.set(node, at);
    return at;
  };
  for (const node of folded) {
    groupOf.set(node, node);
    for (const name of node.input) {
      const producer = index.producer(name);
      if (producer && groupOf.has(producer)) groupOf.set(root(producer), node);
    }
  }
  const bytes = new Map<NodeProto, number>();
  for (const node of folded) {
    const reads = node.input.flatMap((name) => index.initializer(name) ?? []);
    const own = reads.reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
    bytes.set(root(node), (bytes.get(root(node)) ?? 0) + own);
  }
  const small: NodeProto[] = [];
  const large = new Map<NodeProto, NodeProto[]>();
  for (const node of folded) {
    const group = root(node);
    if (bytes.get(group)! < ALONE) small.push(node);
    else if (large.has(group)) large.get(group)!.push(node);
    else large.set(group, [node]);
  }
  return [...(small.length > 0 ? [small] : []), ...large.values()];
}

async function evaluate(
  model: Model,
  nodes: NodeProto[],
  wanted: string[],
  index: GraphIndex,
): Promise<TensorProto[] | null> {
  const reads = new Set(nodes.flatMap((n) => n.input));
  const alone = model.fragment({
    node: nodes,
    initializer: [...reads].flatMap((name) => index.initializer(name) ?? []),
    input: [],
    output: wanted.map(untyped),
  });
  try {
    const session = await openModel(alone, { optimization: 'disabled' });
    try {
      const results = await session.run({});
      return wanted.flatMap((name) => {
        const value = results[name];
        return value && value.data.byteLength <= LARGEST
          ? [makeTensor(name, value.type, value.dims, value.data)]
          : [];
      });
    } finally {
      await session.release();
    }
  } catch {
    return null; // the runtime has no kernel for one of them: nothing is lost, they stay nodes
  }
}
