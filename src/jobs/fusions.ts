import path from 'node:path';
import { fusionCandidates, settleFusions } from '../analyze/fusions';
import { quantizationBreaks } from '../analyze/fusions/breaks';
import { calibratedOnRandom } from '../analyze/random-calibration';
import { lookAt } from '../analyze/look';
import { loadModel } from '../onnx';
import { validateModel } from '../onnx/validate';
import type { FusionReport } from '../results';
import { optimizedGraph } from '../runtime/optimized';
import { runtimeVersion } from '../runtime/session';
import type { JobHooks } from './context';
import { measureGains, type MeasureRequest } from './fusion-gains';
import { keepFound } from './kept';
import { Meter } from './meter';
import { refuseOverwriting } from './overwrites';
import { Store } from './store';
import type { WrittenFile } from './written-file';

/** A file whose fusions are looked at. */
export interface FusionsRequest {
  /** Absolute path. */
  model: string;
  /** Time what fusing gains, too. */
  measure?: MeasureRequest;
  /** Files that whoever asks makes of the answer. */
  writes?: readonly WrittenFile[];
}

/**
 * What of a file can run as one, checked against the graph that the runtime makes of that very file, and where integers are
 * interrupted by floats; where asked for, what fusing gains. Writes nothing but what
 * is to be kept.
 * @param bundle the worker's own file, for the timing process
 * @throws VernierError `model.*` of loading and preparing, what {@link measureGains} throws, and `recipe.overwrites-…` for a
 * file in `writes` that is read
 */
export async function fusionReport(
  { model: file, measure, writes = [] }: FusionsRequest,
  hooks: Pick<JobHooks, 'progress'>,
  bundle: string,
): Promise<FusionReport> {
  const meter = new Meter((progress) => hooks.progress(progress));
  const data = { what: 'data', named: measure?.data ?? [], baseDir: path.dirname(file) };
  const model = await loadModel(file);
  await refuseOverwriting({ models: [model], data: [data] }, writes);
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
  const measured = measure
    ? await measureGains(
        { file, model, look, said, fusions, executed: all },
        measure,
        meter,
        bundle,
      )
    : null;
  if (measured && measure?.kept !== undefined)
    await keepFound(new Store(measure.kept), 'gains', measured, null, file);
  return {
    model: file,
    runtime: runtimeVersion(),
    nodes: model.graph.node.length,
    executedNodes: all.graph.node.length,
    fusions,
    breaks: quantizationBreaks(all, look.source, look.context),
    measured,
    mistaken: mistaken.length,
    notes: calibratedOnRandom(model),
  };
}
