import { bodyPath, label, type GraphProto, type Model } from '../../onnx';

/**
 * Gives every node a name of its own.
 * 1. A node without a name takes its first output's.
 * 2. A name that an earlier node has gets its first output appended; then a number.
 * 3. A node inside If, Loop or Scan has the way to it before its name: `loop/matmul`, `if/then/conv`.
 * Does nothing where all names are there and differ.
 */
export function nameNodes(model: Model): void {
  nameGraph(model.graph, '', new Set());
}

function nameGraph(graph: GraphProto, path: string, taken: Set<string>): void {
  const inside = (name: string) =>
    path === '' || name.startsWith(`${path}/`) ? name : `${path}/${name.replace(/^\/+/, '')}`;
  for (const node of graph.node) {
    let name = inside(label(node));
    if (taken.has(name) && node.name !== '') name = inside(`${node.name}:${node.output[0] ?? ''}`);
    for (let i = 1, base = name; taken.has(name); i++) name = `${base}_${i}`;
    node.name = name;
    taken.add(name);
  }
  for (const node of graph.node)
    for (const a of node.attribute)
      for (const body of [...(a.g ? [a.g] : []), ...a.graphs])
        nameGraph(body, bodyPath(node.name, a.name), taken);
}
