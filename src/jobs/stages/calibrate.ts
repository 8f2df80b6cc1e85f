import { VernierError } from '../../errors';
import { calibrate, type Statistics } from '../../quantize/calibrate';
import { hiddenTensors, isRecurrent } from '../../quantize/recurrent';
import type { Unit } from '../../quantize/units';
import { TensorStatistics, type StatisticsData } from '../../quantize/statistics';
import { runtimeVersion } from '../../runtime/session';
import type { JobContext } from '../context';
import { ENGINE_VERSION, keyOf } from '../keys';
import { eachSample, type Selection } from '../samples';
import type { Subject } from '../subject';

/** Statistics with the key of what they were made from. */
export interface Calibrated {
  statistics: Statistics;
  key: string;
  /** Seconds that it took, when it was done. */
  seconds: number;
  fromCache: boolean;
}

interface Stored {
  seconds: number;
  tensors: StatisticsData[];
}

/** Key of a calibration: model, samples, engine and runtime. What is kept in FP32 is no part of it. */
export function calibrationKey(subject: Subject, selection: Selection): string {
  return keyOf('calibration', ENGINE_VERSION, runtimeVersion(), subject.key, selection.key);
}

/** Tensors that some recipe may quantize, and the outputs of layers that people want to see. */
export function tappedTensors(subject: Subject): string[] {
  const tensors = new Set(subject.everything.quantized.values());
  // A layer whose neighbour is kept needs the range of its own input, so inputs are tapped besides roots.
  for (const { unit, integer } of subject.everything.units)
    if ((integer || unit.weight) && !unit.body)
      for (const name of [...unit.inputs, unit.output, ...hiddenStates(unit)]) tensors.add(name);
  return [...tensors].filter((name) => (subject.typeOf(name) ?? 'float32') === 'float32');
}

/** A recurrent layer reads its own hidden states, wherever they come to light. */
function hiddenStates({ node }: Unit): string[] {
  return isRecurrent(node) ? hiddenTensors(node) : [];
}

/** Calibrates, or takes statistics from memory or `.vernier/`. */
export async function calibrateStage(
  subject: Subject,
  selection: Selection,
  context: JobContext,
): Promise<Calibrated> {
  const key = calibrationKey(subject, selection);
  return context.memory.get('calibration', key, async () => {
    const name = `calibration.${key}`;
    const stored = await context.store.read<Stored>(name);
    if (stored)
      return {
        key,
        seconds: stored.seconds,
        fromCache: true,
        statistics: new Map(stored.tensors.map((d) => [d.tensor, TensorStatistics.fromData(d)])),
      };
    const start = Date.now();
    const total = selection.indices.length;
    await context.meter.begin('calibrate', total);
    const statistics = await calibrate(
      subject.prepared,
      tappedTensors(subject),
      eachSample(selection),
      {
        onSample: (done) => context.meter.step(done, total),
      },
    );
    const seconds = (Date.now() - start) / 1000;
    refuseNothing(statistics, selection);
    const tensors = [...statistics.values()].map((s) => s.toData());
    await context.store.write(name, { seconds, tensors } satisfies Stored);
    return { statistics, key, seconds, fromCache: false };
  });
}

function refuseNothing(statistics: Statistics, selection: Selection): void {
  const all = [...statistics.values()];
  if (all.length > 0 && all.every((s) => s.notFinite > 0 && s.notFinite === s.samples))
    throw new VernierError(
      'data.not-finite',
      `Every sample of '${selection.source.name}' gives NaN or infinite values everywhere.`,
      { file: selection.source.name, remedy: 'Check scaling and normalisation of the data.' },
    );
}
