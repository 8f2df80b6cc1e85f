import path from 'node:path';
import { VernierError } from '../errors';
import { TensorStatistics, type StatisticsData } from '../quantize/statistics';
import type { MergeResult } from '../results';
import { refuseOverwriting } from './overwrites';
import { readStatisticsFile, writeStatisticsFile, type StatisticsFile } from './statistics-file';

/** A part with the file that it is in. */
interface Part {
  file: string;
  contents: StatisticsFile;
}

/**
 * Merges the parts of a calibration into the statistics of the whole, bit for bit those that one run over all of the
 * data gives.
 * @param files absolute paths, in any order
 * @throws VernierError `recipe.overwrites-file` for an output that is one of them; `data.not-found`, `data.bad-format`; `data.statistics-key` for parts of different calibrations,
 * `data.statistics-overlap` and `data.statistics-missing` for samples that are in two parts or in none
 */
export async function mergeFiles(files: readonly string[], output: string): Promise<MergeResult> {
  await refuseOverwriting({ models: [], files: files.map((file) => ({ what: 'part', file })) }, [
    { what: 'statistics', file: output },
  ]);
  const parts: Part[] = [];
  for (const file of files) parts.push({ file, contents: await readStatisticsFile(file) });
  parts.sort((a, b) => a.contents.statistics.from - b.contents.statistics.from);
  const [first, ...rest] = parts;
  if (!first) throw missing(0, 1, null);
  for (const part of rest) refuseOther(first, part);
  refuseGaps(parts);
  const merged = mergeParts(parts.map(({ contents }) => contents));
  await writeStatisticsFile(output, merged);
  const { statistics, model, data } = merged;
  return {
    output,
    parts: parts.length,
    samples: statistics.total,
    tensors: statistics.tensors.length,
    model: model.name,
    source: data.source,
    random: data.random,
    key: merged.key,
  };
}

/** Parts that lie one behind the other, as one. */
function mergeParts(parts: readonly StatisticsFile[]): StatisticsFile {
  const [first, ...rest] = parts as [StatisticsFile, ...StatisticsFile[]];
  const all = first.statistics.tensors.map((data) => TensorStatistics.fromData(data));
  let { seconds, to } = first.statistics;
  const marks = [...first.statistics.marks];
  for (const { statistics } of rest) {
    const byName = new Map(statistics.tensors.map((t): [string, StatisticsData] => [t.tensor, t]));
    for (const one of all) one.merge(TensorStatistics.fromData(byName.get(one.tensor)!));
    seconds += statistics.seconds;
    marks.push(...statistics.marks);
    to = statistics.to;
  }
  const tensors = all.map((one) => one.toData());
  return { ...first, statistics: { ...first.statistics, seconds, done: to, to, tensors, marks } };
}

function refuseOther(first: Part, other: Part): void {
  const [a, b] = [first.contents, other.contents];
  if (a.statistics.total !== b.statistics.total)
    throw new VernierError(
      'data.statistics-key',
      `'${path.basename(other.file)}' is a part of ${b.statistics.total} samples, and '${path.basename(first.file)}' of ${a.statistics.total}.`,
      { file: other.file, remedy: 'Make all shards from the same data.' },
    );
  if (a.key === b.key) return;
  const what =
    a.model.sha256 !== b.model.sha256
      ? 'from another model'
      : a.data.key !== b.data.key
        ? `over other data (${b.data.source})`
        : a.runtime !== b.runtime
          ? `by another runtime (${b.runtime})`
          : 'with other settings';
  throw new VernierError(
    'data.statistics-key',
    `'${path.basename(other.file)}' was made ${what} than '${path.basename(first.file)}'.`,
    {
      file: other.file,
      remedy: 'Make all shards from the same model, data and recipe, with the same version.',
    },
  );
}

/** Every sample has to be in exactly one part. */
function refuseGaps(parts: readonly Part[]): void {
  const { total } = parts[0]!.contents.statistics;
  let next = 0;
  for (const { file, contents } of parts) {
    const { from, to, done } = contents.statistics;
    if (from < next)
      throw new VernierError(
        'data.statistics-overlap',
        `Samples ${from} to ${Math.min(next, to) - 1} are in '${path.basename(file)}' and in another part.`,
        { file, remedy: 'Leave one of them out: every sample counts once.' },
      );
    if (from > next) throw missing(next, from, file);
    if (done < to) throw missing(done, to, file);
    next = to;
  }
  if (next < total) throw missing(next, total, null);
}

function missing(from: number, to: number, file: string | null): VernierError {
  return new VernierError(
    'data.statistics-missing',
    `Samples ${from} to ${to - 1} are in none of the parts.`,
    {
      ...(file === null ? {} : { file }),
      remedy: 'Add the shards that hold them, or make them: vernier calibrate … --shard I/N.',
    },
  );
}
