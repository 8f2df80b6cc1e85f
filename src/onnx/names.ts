/** Names that are in use, and new ones. */
import { subgraphs } from './attributes';
import type { Model } from './model';
import type { GraphProto, NodeProto } from './schema';

/** Names in use anywhere in a model: tensors of inner and outer scopes must not shadow each other. */
export class Names {
  constructor(private readonly taken: Set<string>) {}

  /** A name that nothing has, made from `base`; it is taken from now on. */
  fresh(base: string): string {
    let name = base;
    for (let i = 1; this.taken.has(name); i++) name = `${base}_${i}`;
    this.taken.add(name);
    return name;
  }
}

/** Every tensor and node name of a model, in all scopes and functions. */
export function namesOf(model: Model): Set<string> {
  const names = new Set<string>();
  const addNodes = (nodes: readonly NodeProto[]): void => {
    for (const node of nodes) {
      for (const name of [node.name, ...node.input, ...node.output]) names.add(name);
      for (const body of subgraphs(node)) addGraph(body);
    }
  };
  const addGraph = (graph: GraphProto): void => {
    for (const list of [graph.input, graph.output, graph.valueInfo, graph.initializer])
      for (const v of list) names.add(v.name);
    addNodes(graph.node);
  };
  addGraph(model.graph);
  for (const f of model.proto.functions) {
    for (const name of [...f.input, ...f.output]) names.add(name);
    addNodes(f.node);
  }
  return names;
}
