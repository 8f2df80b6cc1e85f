import path from 'node:path';
import { VernierError } from '../../errors';
import type { Note } from '../../results';
import { runtimeVersion } from '../../runtime/session';
import type { JobContext } from '../context';
import { fileKey } from '../keys';
import type { Plan } from '../plan';
import type { Selection } from '../samples';
import { readStatisticsFile, type StatisticsFile } from '../statistics-file';
import type { Subject } from '../subject';
import {
  calibratedOf,
  covers,
  refuseNothing,
  writeCalibration,
  type Calibrated,
} from './calibrate';

/** Observers that extremes are not enough for. */
const BY_HISTOGRAM = ['percentile', 'entropy', 'mse'];

/**
 * Statistics from the recipe's `calibration.statistics_file`, in place of running over the data; null where it names none.
 * @param selection the recipe's own data, where it has some: a note says where the file saw other
 * @param wanted the tensors that the file must know
 * @throws `data.not-found`, `data.bad-format`; `data.statistics-missing` for a part; `data.statistics-key` for one of
 * another model, or without what the recipe asks for
 */
export async function takenStage(
  plan: Plan,
  subject: Subject,
  selection: Selection | null,
  wanted: readonly string[],
  context: JobContext,
): Promise<{ calibrated: Calibrated; notes: Note[] } | null> {
  const name = plan.recipe.calibration?.statisticsFile;
  if (name == null) return null;
  const file = path.resolve(plan.baseDir, name);
  const contents = await readStatisticsFile(file);
  const { statistics, data } = contents;
  refuseForeign(plan, subject, contents, wanted, name, file);
  // there the views of single tensors find it
  if (!(await context.store.read(`calibration.${contents.key}`)))
    await writeCalibration(contents.key, statistics, context);
  const made = await context.memory.get('taken', `${await fileKey(file)} ${wanted.join()}`, () =>
    Promise.resolve(calibratedOf(contents.key, statistics, wanted, true)),
  );
  refuseNothing(made.statistics, name);
  const taken = { file: name, source: data.source, samples: statistics.total, random: data.random };
  return { calibrated: { ...made, taken }, notes: notesOf(plan, contents, selection, name) };
}

function refuseForeign(
  plan: Plan,
  subject: Subject,
  { model, statistics }: StatisticsFile,
  wanted: readonly string[],
  name: string,
  file: string,
): void {
  const { from, done, total, depth } = statistics;
  const refuse = (why: string, remedy: string) =>
    new VernierError('data.statistics-key', `'${name}' ${why}.`, { file, remedy });
  if (from !== 0 || done !== total)
    throw new VernierError(
      'data.statistics-missing',
      `'${name}' holds samples ${from} to ${done - 1} of ${total} only.`,
      { file, remedy: 'Merge it with the other shards: vernier merge A B … -o FILE.' },
    );
  if (model.sha256 !== subject.key)
    throw refuse(
      `was made from another model ('${model.name}')`,
      'Calibrate this model, or name the one that it was made from.',
    );
  const { quantization, layers } = plan.recipe;
  const observer = [quantization.activations.observer, ...layers.map((l) => l.observer)].find(
    (each) => each !== undefined && BY_HISTOGRAM.includes(each),
  );
  if (depth === 'minmax' && observer !== undefined)
    throw refuse(
      `holds extremes alone, of which the observer ${observer} can make nothing`,
      'Calibrate with statistics: full, or take the observer minmax.',
    );
  if (covers(statistics, wanted, 'minmax')) return;
  const known = new Set(statistics.tensors.map((t) => t.tensor));
  throw refuse(
    `knows nothing of '${wanted.find((tensor) => !known.has(tensor))}', which this recipe may quantize`,
    'Calibrate with this recipe: target, mode and layers: decide which tensors are looked at.',
  );
}

function notesOf(
  { recipe }: Plan,
  { data, runtime }: StatisticsFile,
  selection: Selection | null,
  name: string,
): Note[] {
  const notes: Note[] = [];
  const { mode, improve } = recipe.quantization;
  if (!selection && mode === 'static' && improve.includes('bias-correction'))
    notes.push({
      code: 'not-corrected',
      severity: 'warning',
      message: `Biases are not corrected: '${name}' holds statistics, and correcting runs samples.`,
      file: name,
      remedy: 'Name some samples besides: calibration: { data: … }; 64 are enough.',
    });
  if (selection && selection.key !== data.key)
    notes.push({
      code: 'statistics-other-data',
      severity: 'info',
      message: `The statistics of '${name}' saw other samples (${data.source}) than this recipe names.`,
      file: name,
    });
  if (runtime !== runtimeVersion())
    notes.push({
      code: 'statistics-other-runtime',
      severity: 'info',
      message: `The statistics of '${name}' were made by onnxruntime ${runtime}; here is ${runtimeVersion()}.`,
      file: name,
    });
  return notes;
}
