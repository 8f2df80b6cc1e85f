/**
 * Patterns of transformers, recognized in a prepared graph, whose parts stay float by default; `layers:` in a recipe can
 * say otherwise. One file a pattern.
 */
import { GraphIndex, type Model, type NodeProto } from '../../onnx';
import { attention } from './attention';
import { gelu } from './gelu';
import { layerNorm } from './layer-norm';
import { maskedTensors } from './masks';
import { residual } from './residual';
import type { PatternPart, Recognizer } from './types';

export type * from './types';

/** In this order: a node is a part of what is found first. */
const RECOGNIZERS: readonly Recognizer[] = [attention, layerNorm, gelu, residual];

/** What is special in a graph. */
export interface Patterns {
  /** The part that each node plays in a pattern; nodes outside of patterns are missing. */
  parts: ReadonlyMap<NodeProto, PatternPart>;
  /** Tensors that hold a mask, with its value. */
  masked: ReadonlyMap<string, number>;
}

const remembered = new WeakMap<Model, Patterns>();

/** The patterns of a graph that nobody changes any more; remembered with the model. */
export function patternsOf(model: Model): Patterns {
  let patterns = remembered.get(model);
  if (!patterns) {
    const index = new GraphIndex(model.graph);
    const masked = maskedTensors(model, index);
    patterns = { parts: recognizePatterns(model, index, masked), masked };
    remembered.set(model, patterns);
  }
  return patterns;
}

function recognizePatterns(
  model: Model,
  index: GraphIndex,
  masked: ReadonlyMap<string, number>,
): Map<NodeProto, PatternPart> {
  const known = new Map<NodeProto, PatternPart>();
  for (const recognize of RECOGNIZERS)
    for (const [node, part] of recognize({ model, index, masked }))
      if (!known.has(node)) known.set(node, part);
  return known;
}
