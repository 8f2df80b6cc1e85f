import type { SampleMark } from '../../analyze/calibration-set/sample-marks';
import { VernierError } from '../../errors';
import type { Statistics } from '../../quantize/calibrate';
import { GraphIndex } from '../../onnx';
import { startsAtZero } from '../../quantize/extremes/extremes-graph';
import { everyRoot } from '../../quantize/place-bodies';
import type { TargetFamily } from '../../quantize/operators';
import type { ImportedRange } from '../../quantize/ranges';
import { hiddenTensors, isRecurrent } from '../../quantize/recurrent';
import type { Depth } from '../../quantize/statistics';
import { TensorStatistics, type StatisticsData } from '../../quantize/statistics';
import type { Unit } from '../../quantize/units';
import { runtimeVersion } from '../../runtime/session';
import type { JobContext } from '../context';
import { ENGINE_VERSION, keyOf } from '../keys';
import type { Selection } from '../samples';
import { everythingFor, type Subject } from '../subject';
import type { RecipeRanges } from '../ranges';
import { calibratePart, FORMAT, type StoredStatistics } from './calibrate-part';

/** Statistics with the key of what they were made from. */
export interface Calibrated {
  statistics: Statistics;
  key: string;
  /** Seconds that it took, when it was done. */
  seconds: number;
  fromCache: boolean;
  /** What is remembered of each sample. */
  marks: readonly SampleMark[];
  /** Ranges of the recipe's file, which come before what calibration saw. */
  imported: RecipeRanges | null;
  /** The file that the statistics were taken from, and what they saw; null where they were made here. */
  taken: Taken | null;
}

/** A file of statistics, and the samples behind it. */
export interface Taken {
  /** As the recipe names it. */
  file: string;
  source: string;
  samples: number;
  random: boolean;
}

/** Key of a calibration: model, samples, engine and runtime. What is kept in FP32 is no part of it. */
export function calibrationKey(subject: Subject, selection: Selection): string {
  return keyOf('calibration', FORMAT, ENGINE_VERSION, runtimeVersion(), subject.key, selection.key);
}

/** Tensors that some recipe may quantize, the outputs of layers that people want to see, and `more`. */
export function tappedTensors(
  subject: Subject,
  forced: ReadonlySet<string> = new Set(),
  family: TargetFamily = 'cpu',
  more: readonly string[] = [],
): string[] {
  const everything = everythingFor(subject, forced, family);
  const tensors = new Set([...everyRoot(everything).values(), ...more]);
  // A layer whose neighbour is kept needs the range of its own input, so inputs are tapped besides roots.
  for (const { joining } of [everything, ...(everything.bodies?.values() ?? [])])
    for (const node of joining) node.input.forEach((name) => tensors.add(name));
  for (const { unit, integer } of everything.units)
    if (integer || (unit.weight && (!unit.body || everything.bodies?.has(unit.body.path))))
      for (const name of [...unit.inputs, unit.output, ...hiddenStates(unit)]) tensors.add(name);
  return [...tensors].filter((name) => (subject.typeOf(name) ?? 'float32') === 'float32');
}

/** A recurrent layer reads its own hidden states, wherever they come to light. */
function hiddenStates({ node }: Unit): string[] {
  return isRecurrent(node) ? hiddenTensors(node) : [];
}

/**
 * Calibrates, or takes statistics from memory or `.vernier/`. A calibration that was cut off goes on where it was saved. Full
 * statistics serve where only extremes are asked for. @param wanted the tensors to look at
 */
export async function calibrateStage(
  subject: Subject,
  selection: Selection,
  context: JobContext,
  wanted: readonly string[],
  depth: Depth = 'full',
): Promise<Calibrated> {
  const key = calibrationKey(subject, selection);
  return context.memory.get('calibration', `${key} ${depth} ${keyOf(wanted)}`, async () => {
    const stored = await readCalibration(key, context);
    if (stored && covers(stored, wanted, depth)) {
      // a worker may have been killed before it could
      await context.store.remove(`calibration-part.${key}`);
      return calibratedOf(key, stored, wanted, true);
    }
    // What another target has asked for stays known.
    const tensors = [...new Set([...wanted, ...(stored?.tensors ?? []).map((d) => d.tensor)])];
    const made = await calibratePart(
      { subject, selection, tensors, depth, from: 0, to: selection.indices.length },
      `calibration-part.${key}`,
      key,
      context,
    );
    const calibrated = calibratedOf(key, made, wanted, false);
    refuseNothing(calibrated.statistics, selection.source.name);
    await writeCalibration(key, made, context);
    return calibrated;
  });
}

/**
 * Puts the ranges of the recipe's file before what calibration saw; without any data they are all there is. Of a tensor that has
 * nothing below zero a magnitude is the range from zero on, which files that know magnitudes only do not say.
 * @param calibrated what calibration saw, or null without data
 */
export function withRanges(
  subject: Subject,
  calibrated: Calibrated | null,
  imported: RecipeRanges,
  family: TargetFamily = 'cpu',
): Calibrated {
  return {
    key: keyOf('ranges', calibrated?.key ?? subject.key, imported.key),
    seconds: calibrated?.seconds ?? 0,
    fromCache: calibrated?.fromCache ?? false,
    marks: calibrated?.marks ?? [],
    statistics:
      calibrated?.statistics ??
      new Map(
        tappedTensors(subject, new Set(), family).map((name) => [name, new TensorStatistics(name)]),
      ),
    imported: { ...imported, ranges: fromZero(subject, imported.ranges) },
    taken: calibrated?.taken ?? null,
  };
}

function fromZero(subject: Subject, ranges: RecipeRanges['ranges']): RecipeRanges['ranges'] {
  const index = new GraphIndex(subject.prepared.graph);
  const half = ([tensor, range]: [string, ImportedRange]): [string, ImportedRange] => {
    const producer = index.producer(tensor);
    const halved = range.symmetric && producer !== undefined && startsAtZero(index, producer);
    return [tensor, halved ? { ...range, min: 0 } : range];
  };
  return new Map([...ranges].map(half));
}

/** The stored statistics of all samples of a calibration. */
export async function readCalibration(
  key: string,
  context: JobContext,
): Promise<StoredStatistics | null> {
  const stored = await context.store.read<StoredStatistics>(`calibration.${key}`);
  return stored?.format === FORMAT ? stored : null;
}

/** Stores the statistics of all samples; what was kept of parts is no longer needed. */
export async function writeCalibration(
  key: string,
  made: StoredStatistics,
  context: JobContext,
): Promise<void> {
  await context.store.write(`calibration.${key}`, made);
  await context.store.remove(`calibration-part.${key}`);
}

/** Whether stored statistics hold all that is wanted. */
export function covers(stored: StoredStatistics, wanted: readonly string[], depth: Depth): boolean {
  const known = new Set(stored.tensors.map((d) => d.tensor));
  return (depth === 'minmax' || stored.depth === 'full') && wanted.every((name) => known.has(name));
}

/** Stored statistics of the tensors that are wanted. */
export function calibratedOf(
  key: string,
  { seconds, tensors, marks }: StoredStatistics,
  wanted: readonly string[],
  fromCache: boolean,
): Calibrated {
  const byName = new Map<string, StatisticsData>(tensors.map((d) => [d.tensor, d]));
  const statistics = new Map(
    wanted.map((name) => [name, TensorStatistics.fromData(byName.get(name)!)]),
  );
  return { key, seconds, fromCache, statistics, marks, imported: null, taken: null };
}

/** Refuses statistics without one finite value. Throws `data.not-finite`. */
export function refuseNothing(statistics: Statistics, source: string): void {
  const all = [...statistics.values()];
  if (all.length > 0 && all.every((s) => s.notFinite > 0 && s.notFinite === s.samples))
    throw new VernierError(
      'data.not-finite',
      `Every sample of '${source}' gives NaN or infinite values everywhere.`,
      { file: source, remedy: 'Check scaling and normalisation of the data.' },
    );
}
