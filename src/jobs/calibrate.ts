import path from 'node:path';
import { VernierError } from '../errors';
import type { CalibrateResult, WrittenStatistics } from '../results';
import type { JobContext, JobHooks } from './context';
import { exportRanges } from './export-ranges';
import { keyOf } from './keys';
import type { Memory } from './memory';
import { Meter } from './meter';
import { readByRecipe, refuseOverwriting } from './overwrites';
import { makePlan, readRecipe, type Plan } from './plan';
import type { CalibrateRequest } from './protocol';
import { runRecipe } from './run';
import { openSamples, type Selection } from './samples';
import { calibratePart } from './stages/calibrate-part';
import { calibrationKey } from './stages/calibrate';
import { rangesStage, tapsOf } from './stages/ranges';
import {
  statisticsFile,
  wholeStatistics,
  writeStatisticsFile,
  type StatisticsFile,
} from './statistics-file';
import { Store } from './store';
import { openSubject } from './subject';
import type { WrittenFile } from './written-file';

/**
 * Calibrates and nothing else: all samples with ranges and checks, or a shard of them whose statistics others of its key
 * complete.
 * @throws `recipe.*` (also where a file that it writes is one that it reads, or another that it writes), `model.*`, `data.*`,
 * `cli.usage` for a shard without samples, `job.io` where a file cannot be written
 */
export async function calibrateRecipe(
  request: CalibrateRequest,
  memory: Memory,
  hooks: JobHooks,
  bundle: string,
): Promise<CalibrateResult> {
  const recipePath = path.resolve(request.recipePath);
  const text = request.text ?? (await readRecipe(recipePath));
  const plan = await makePlan(recipePath, text);
  await refuseOverwriting(readByRecipe(plan), writtenBy(request));
  const context: JobContext = {
    memory,
    meter: new Meter((progress) => hooks.progress(progress)),
    store: new Store(recipePath, request.saveEveryMs),
    partial: () => undefined,
    temporary: (file) => hooks.temporary?.(file),
  };
  if (request.shard) {
    const statistics = await calibrateShard(plan, request.shard, request.statistics!, context);
    return { result: null, statistics, exported: [] };
  }
  const result = await runRecipe({ ...request, text, until: 'calibrate' }, memory, hooks, bundle);
  const { statistics: file, exports = [] } = request;
  if (file === undefined && exports.length === 0) return { result, statistics: null, exported: [] };
  // what follows finds in memory what the run left there
  const subject = await openSubject(plan.model, memory);
  const samples = await openSamples(plan, subject);
  const { calibrated } = await rangesStage(plan, subject, samples, context, true);
  const exported = [];
  for (const one of exports) exported.push(await exportRanges(plan, subject, calibrated!, one));
  const { calibration } = samples;
  if (file === undefined) return { result, statistics: null, exported };
  if (!calibration || plan.recipe.calibration?.statisticsFile) throw nothingToWrite(plan);
  const whole = wholeStatistics(subject, calibration, calibrated!);
  const contents = statisticsFile(subject, calibration, whole);
  return { result, statistics: await put(file, contents), exported };
}

function writtenBy({ statistics, exports = [] }: CalibrateRequest): WrittenFile[] {
  return [
    ...(statistics === undefined ? [] : [{ what: 'statistics' as const, file: statistics }]),
    ...exports.map(({ file }) => ({ what: 'ranges' as const, file })),
  ];
}

/** Statistics of the samples of one shard, in a file; what a killed attempt kept of them is gone on with. */
async function calibrateShard(
  plan: Plan,
  shard: { index: number; of: number },
  file: string,
  context: JobContext,
): Promise<WrittenStatistics> {
  await context.meter.begin('read', 1);
  const subject = await openSubject(plan.model, context.memory);
  const { calibration } = await openSamples(plan, subject);
  if (!calibration || plan.recipe.calibration?.statisticsFile) throw nothingToWrite(plan);
  const { from, to } = bounds(calibration, shard);
  const key = calibrationKey(subject, calibration);
  const depth = plan.recipe.calibration?.statistics ?? 'full';
  const tensors = tapsOf(plan, subject);
  const name = `calibration-shard-${shard.index}-of-${shard.of}.${keyOf(key, depth, tensors)}`;
  const made = await calibratePart(
    { subject, selection: calibration, tensors, depth, from, to },
    name,
    key,
    context,
  );
  const written = await put(file, statisticsFile(subject, calibration, made));
  await context.store.remove(name);
  return written;
}

/** The samples of a shard: as equal parts as whole samples allow. */
function bounds(
  { indices: { length } }: Selection,
  { index, of }: { index: number; of: number },
): { from: number; to: number } {
  const from = Math.floor(((index - 1) * length) / of);
  const to = Math.floor((index * length) / of);
  if (from < to) return { from, to };
  throw new VernierError('cli.usage', `Shard ${index}/${of} of ${length} samples has none.`, {
    remedy: `Make at most ${length} shards.`,
  });
}

function nothingToWrite(plan: Plan): VernierError {
  return new VernierError('recipe.schema', 'Nothing is calibrated: the recipe names no data.', {
    file: plan.recipePath,
    remedy: 'Add calibration: { data: … } to it, without statistics_file.',
  });
}

async function put(file: string, contents: StatisticsFile): Promise<WrittenStatistics> {
  await writeStatisticsFile(file, contents);
  const { from, to, total, tensors } = contents.statistics;
  return { file, key: contents.key, from, to, total, tensors: tensors.length };
}
