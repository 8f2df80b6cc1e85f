/** Renaming tensors through a graph and what is inside it. */
import { subgraphs } from './attributes';
import type { GraphProto, NodeProto } from './schema';

/**
 * Renames tensors wherever a graph, or one inside it, defines or reads them. A body that defines a name of its own
 * keeps it.
 */
export function renameTensors(graph: GraphProto, renames: ReadonlyMap<string, string>): void {
  const to = (name: string) => renames.get(name) ?? name;
  for (const list of [graph.input, graph.output, graph.valueInfo, graph.initializer])
    for (const v of list) v.name = to(v.name);
  for (const node of graph.node) renameInNode(node, renames);
}

/** The same for one node. Its lists of names are replaced, not changed. */
export function renameInNode(node: NodeProto, renames: ReadonlyMap<string, string>): void {
  const to = (name: string) => renames.get(name) ?? name;
  node.input = node.input.map(to);
  node.output = node.output.map(to);
  for (const body of subgraphs(node)) {
    const hidden = new Set([
      ...body.input.map((v) => v.name),
      ...body.initializer.map((t) => t.name),
      ...body.node.flatMap((n) => n.output),
    ]);
    const visible = new Map([...renames].filter(([from]) => !hidden.has(from)));
    renameTensors(body, visible);
  }
}
