import { fusionCandidates, settleFusions } from '../analyze/fusions';
import { quantizationBreaks } from '../analyze/fusions/breaks';
import { lookAt } from '../analyze/look';
import { loadModel } from '../onnx';
import { validateModel } from '../onnx/validate';
import type { FusionReport } from '../results';
import { optimizedGraph } from '../runtime/optimized';
import { runtimeVersion } from '../runtime/session';

/** A file whose fusions are looked at. */
export interface FusionsRequest {
  /** Absolute path. */
  model: string;
}

/**
 * What of a file can run as one, checked against the graph that the runtime makes of that very file, and where integers are
 * interrupted by floats. Writes nothing. Throws the `model.*` errors of loading and preparing.
 */
export async function fusionReport({ model: file }: FusionsRequest): Promise<FusionReport> {
  const model = await loadModel(file);
  validateModel(model);
  const look = await lookAt(model);
  const said = fusionCandidates(look);
  const all = await optimizedGraph(file);
  const extended = await optimizedGraph(file, { optimization: 'extended' });
  const fusions = settleFusions(said, look.source, { all, extended });
  const mistaken = fusions.filter(({ status }, i) => {
    const { status: was, alone } = said[i]!;
    return (
      (was === 'will' && !alone && status === 'blocked') || (was === 'blocked' && status === 'done')
    );
  });
  return {
    model: file,
    runtime: runtimeVersion(),
    nodes: model.graph.node.length,
    executedNodes: all.graph.node.length,
    fusions,
    breaks: quantizationBreaks(all, look.source, look.context),
    timed: null,
    mistaken: mistaken.length,
  };
}
