import { fusionCandidates, settleFusions } from '../analyze/fusions';
import { quantizationBreaks } from '../analyze/fusions/breaks';
import { lookAt } from '../analyze/look';
import { loadModel } from '../onnx';
import { validateModel } from '../onnx/validate';
import type { FusionReport } from '../results';
import { optimizedGraph } from '../runtime/optimized';
import { runtimeVersion } from '../runtime/session';
import type { JobHooks } from './context';
import { measureGains, type MeasureRequest } from './fusion-gains';
import { Meter } from './meter';

/** A file whose fusions are looked at. */
export interface FusionsRequest {
  /** Absolute path. */
  model: string;
  /** Time what fusing gains, too. */
  measure?: MeasureRequest;
}

/**
 * What of a file can run as one, checked against the graph that the runtime makes of that very file, and where integers are
 * interrupted by floats; where asked for, what fusing gains. Writes nothing.
 * @param bundle the worker's own file, for the timing process
 * @throws VernierError `model.*` of loading and preparing, and what {@link measureGains} throws
 */
export async function fusionReport(
  { model: file, measure }: FusionsRequest,
  hooks: Pick<JobHooks, 'progress'>,
  bundle: string,
): Promise<FusionReport> {
  const meter = new Meter((progress) => hooks.progress(progress));
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
  const subject = { file, model, look, said, fusions, executed: all };
  return {
    model: file,
    runtime: runtimeVersion(),
    nodes: model.graph.node.length,
    executedNodes: all.graph.node.length,
    fusions,
    breaks: quantizationBreaks(all, look.source, look.context),
    measured: measure ? await measureGains(subject, measure, meter, bundle) : null,
    mistaken: mistaken.length,
  };
}
