import { GraphIndex, nodeReads, subgraphs, topologicalOrder, untyped, type Model } from '../onnx';
import { copyMessage, shallowCopy } from '../onnx/copy';
import { renameInNode } from '../onnx/rename';
import { mergeActivations, mergedConvolution } from './merged-convolution';
import { workshop, type ExperimentSettings, type Parts } from './experiments';
import type { Unit } from './units';

/** One layer to try alone, and which of its quantizers. */
export interface Experiment {
  unit: Unit;
  parts: Parts;
}

/** A model with a branch for every experiment beside the exact nodes. */
export interface Branches {
  model: Model;
  /** For each experiment, in their order: where the tensors are that it changes. */
  changed: ReadonlyMap<string, string>[];
}

/**
 * Beside the exact nodes of a model (a slice of one), for each experiment the nodes from its layer on once more, behind
 * the layer's quantized twin: one session then gives the exact values and those of all experiments.
 * 1. The twin takes the layer's exact inputs, as `onlyThisModel` does.
 * 2. Every later node that reads what the twin changes, directly or not, is copied; a convolution with its activation
 *    ({@link mergedConvolution}), unless what is between them is wanted.
 * 3. Only the tensors in `wanted` are given, exact and changed.
 */
export function branchModel(
  slice: Model,
  experiments: readonly Experiment[],
  wanted: readonly string[],
  settings: ExperimentSettings,
): Branches {
  const { model, index, own, twin } = workshop(slice, settings);
  const order = slice.graph.node.map((node) => {
    // merged before it is copied so often; what the twins and the exact nodes leave to merge follows at the end
    const source = mergedConvolution(index, own(node), model.dir) ?? own(node);
    // only what a body reads is renamed within attributes
    const copyOf = subgraphs(source).length > 0 ? copyMessage : shallowCopy;
    return { source, copyOf, reads: [...nodeReads(node)] };
  });
  const changed = experiments.map(({ unit, parts }, k) => {
    const { results: renames } = twin(unit, `${unit.name}.branch${k}`, parts);
    for (const { source, copyOf, reads } of order) {
      if (!reads.some((name) => renames.has(name))) continue;
      const copy = copyOf(source);
      copy.name = index.freshName(`${source.name}.branch`);
      for (const output of source.output)
        if (output !== '') renames.set(output, index.freshName(`${output}.branch`));
      renameInNode(copy, renames);
      index.insertNode(copy);
    }
    return new Map([...renames].filter(([tensor]) => wanted.includes(tensor)));
  });
  model.graph.output = [...wanted, ...changed.flatMap((map) => [...map.values()])].map(untyped);
  model.graph.valueInfo = [];
  const finished = new GraphIndex(model.graph);
  finished.dropDeadNodes();
  mergeActivations(model, finished);
  finished.dropUnusedInitializers();
  model.graph.node = topologicalOrder(model.graph);
  return { model, changed };
}
