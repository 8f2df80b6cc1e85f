/** Shape inference. */
import { subgraphs } from '../attributes';
import type { Model } from '../model';
import { valueType, type GraphProto } from '../schema';
import { tensorDims, tensorType } from '../tensor';
import type { TensorInfo } from './types';

export type { Dim, TensorInfo } from './types';

/** What is known of every tensor, by the graph that defines it. */
export type ScopedShapes = Map<GraphProto, Map<string, TensorInfo>>;

export function inferGraphs(model: Model): ScopedShapes {
  const all: ScopedShapes = new Map();
  const walk = (graph: GraphProto) => {
    const map = new Map<string, TensorInfo>();
    all.set(graph, map);
    for (const list of [graph.input, graph.valueInfo, graph.output])
      for (const v of list) map.set(v.name, valueType(v));
    for (const t of graph.initializer)
      map.set(t.name, { type: tensorType(t), shape: tensorDims(t) });
    for (const node of graph.node) for (const body of subgraphs(node)) walk(body);
  };
  walk(model.graph);
  return all;
}
