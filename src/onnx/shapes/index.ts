/** Shape inference: type and shape of every tensor, as far as the graph and its declarations tell. */
import type { Body } from '../bodies';
import type { Model } from '../model';
import { Inference } from './inference';
import type { ScopedShapes, TensorInfo } from './types';

export type { Dim, ScopedShapes, TensorInfo } from './types';

/**
 * Type and shape of every tensor of the main graph.
 *
 * 1. Inputs have their declared shapes, or those of `inputShapes`; a symbol that an override gives a size has it everywhere.
 * 2. Every node's rule is applied in topological order; small integer tensors are followed through
 *    Shape → Gather → Concat → Reshape chains.
 * 3. Where a rule knows nothing, the declared type and shape count, unless `inputShapes` contradicts a declared size.
 *
 * Unknown operators have unknown outputs; nothing throws.
 */
export function inferShapes(
  model: Model,
  inputShapes: Readonly<Record<string, readonly number[]>> = {},
): Map<string, TensorInfo> {
  return inferGraphs(model, inputShapes).get(model.graph) ?? new Map<string, TensorInfo>();
}

/** The same for the main graph and every subgraph, each with the tensors that it defines itself. */
export function inferGraphs(
  model: Model,
  inputShapes: Readonly<Record<string, readonly number[]>> = {},
): ScopedShapes {
  return new Inference(model, inputShapes).run();
}

/** What is known of a tensor that a body sees: its own, then those of the graphs around it; the main graph's for null. */
export function infoSeen(
  model: Model,
  body: Body | null,
  shapes: ScopedShapes,
  tensor: string,
): TensorInfo | undefined {
  if (!body) return shapes.get(model.graph)?.get(tensor);
  return shapes.get(body.graph)?.get(tensor) ?? infoSeen(model, body.parent, shapes, tensor);
}
