import { entry, GraphIndex, label, type Model, type NodeProto } from '../onnx';
import type { PassContext } from './context';

/** Node metadata: JSON list of the names that the node answers for in the source file, its own first. */
export const SOURCE_NODES = 'vernier.source';
/** Node metadata of a Q or DQ: the tensor of the FP32 model whose values it holds. */
export const SOURCE_TENSOR = 'vernier.tensor';

/**
 * Writes into every node where it comes from, so that a written file can be laid beside its source name by name.
 * 1. A node of the prepared model gets {@link SOURCE_NODES}: itself and what was folded into it or absorbed by it. Names that
 *    passes made up are no names of the source and left out.
 * 2. QuantizeLinear and DequantizeLinear get {@link SOURCE_TENSOR}.
 * Does nothing for other nodes that a writer added.
 */
export function recordProvenance(
  written: Model,
  source: Model,
  prepared: Model,
  context: PassContext,
): void {
  const names = sourceNames(source);
  const own = new Set(prepared.graph.node.map((n) => n.name));
  const absorbed = context.absorbedByHost();
  const tensors = new Set([
    ...prepared.graph.input.map((v) => v.name),
    ...prepared.graph.initializer.map((t) => t.name),
    ...prepared.graph.node.flatMap((n) => n.output),
  ]);
  const index = new GraphIndex(written.graph);
  for (const node of written.graph.node) {
    if (own.has(node.name)) {
      const all = [node.name, ...(absorbed.get(node.name) ?? [])].filter((n) => names.has(n));
      if (all.length > 0) note(node, SOURCE_NODES, JSON.stringify(all));
    } else {
      const tensor = heldTensor(index, node, tensors);
      if (tensor !== undefined) note(node, SOURCE_TENSOR, tensor);
    }
  }
}

function note(node: NodeProto, key: string, value: string): void {
  const found = node.metadataProps.find((e) => e.key === key);
  if (found) found.value = value;
  else node.metadataProps.push(entry(key, value));
}

/** Names of the nodes of a file as the preparation gives them: without a name, the first output's. */
function sourceNames(source: Model): Set<string> {
  const names = new Set<string>();
  for (const node of source.graph.node) {
    const name = label(node);
    names.add(names.has(name) ? `${name}:${node.output[0] ?? ''}` : name);
  }
  return names;
}

/** The FP32 tensor behind a Q or DQ, from the names that writers give: `T`, `T_unquantized`, `T_quantized`. */
function heldTensor(
  index: GraphIndex,
  node: NodeProto,
  tensors: ReadonlySet<string>,
): string | undefined {
  if (node.opType !== 'QuantizeLinear' && node.opType !== 'DequantizeLinear') return undefined;
  const quantize =
    node.opType === 'DequantizeLinear' ? index.producer(node.input[0] ?? '') : undefined;
  const candidates = [node.input[0], node.output[0], quantize?.input[0]].flatMap((n) =>
    n ? [n, n.replace(/_(un)?quantized(_\d+)?$/, '')] : [],
  );
  return candidates.find((name) => tensors.has(name));
}
