import { label, type Model } from '../../onnx';

/**
 * Gives every node a name of its own.
 * 1. A node without a name takes its first output's.
 * 2. A name that an earlier node has gets its first output appended; then a number.
 * Does nothing where all names are there and differ.
 */
export function nameNodes(model: Model): void {
  const taken = new Set<string>();
  for (const node of model.graph.node) {
    let name = label(node);
    if (taken.has(name) && node.name !== '') name = `${node.name}:${node.output[0] ?? ''}`;
    for (let i = 1, base = name; taken.has(name); i++) name = `${base}_${i}`;
    node.name = name;
    taken.add(name);
  }
}
