import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { VernierError } from '../errors';
import type { Statistics } from '../quantize/calibrate';
import type { Depth } from '../quantize/statistics';
import { runtimeVersion } from '../runtime/session';
import { ENGINE_VERSION, keyOf } from './keys';
import type { Selection } from './samples';
import { FORMAT, type StoredStatistics } from './stages/calibrate-part';
import { calibrationKey, type Calibrated } from './stages/calibrate';
import { flawOf } from './statistics-schema';
import { replaceFile } from './store';
import type { Subject } from './subject';

/** What the first key of a file of statistics says. */
const KIND = 'vernier statistics';

/** Statistics of a calibration or of a part of it, in a file of their own: what machines hand each other. */
export interface StatisticsFile {
  kind: typeof KIND;
  /** Model, data, settings, tensors, engine and runtime: parts of the same key make a whole. */
  key: string;
  /** The model by name and by the SHA-256 of its file. */
  model: { name: string; sha256: string };
  /** What the recipe named, and the key of its contents. */
  data: { source: string; random: boolean; key: string };
  engine: string;
  runtime: string;
  statistics: StoredStatistics;
}

/** Puts statistics under a head that says what they were made from. */
export function statisticsFile(
  subject: Subject,
  { source, key }: Selection,
  statistics: StoredStatistics,
): StatisticsFile {
  const tensors = statistics.tensors.map((t) => t.tensor).sort();
  return {
    kind: KIND,
    key: keyOf('statistics', statistics.key, statistics.depth, tensors),
    model: { name: path.basename(subject.file), sha256: subject.key },
    data: { source: source.name, random: source.random, key },
    engine: ENGINE_VERSION,
    runtime: runtimeVersion(),
    statistics,
  };
}

/** The statistics of a whole calibration as they are stored. */
export function wholeStatistics(
  subject: Subject,
  selection: Selection,
  { statistics, seconds, marks }: Calibrated,
): StoredStatistics {
  const total = selection.indices.length;
  return {
    format: FORMAT,
    key: calibrationKey(subject, selection),
    depth: depthOf(statistics),
    seconds,
    from: 0,
    done: total,
    to: total,
    total,
    tensors: [...statistics.values()].map((s) => s.toData()),
    marks: [...marks],
  };
}

function depthOf(statistics: Statistics): Depth {
  return [...statistics.values()].every(({ depth }) => depth === 'full') ? 'full' : 'minmax';
}

/** Writes a file of statistics, whole or not at all. Throws `job.io`, `job.disk-full`. */
export async function writeStatisticsFile(file: string, contents: StatisticsFile): Promise<void> {
  await writeResultFile(file, JSON.stringify(contents));
}

/** Writes a file that was asked for by name. Throws `job.io`, `job.disk-full`. */
export async function writeResultFile(file: string, contents: string | Uint8Array): Promise<void> {
  try {
    await replaceFile(file, contents);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new VernierError(
      code === 'ENOSPC' ? 'job.disk-full' : 'job.io',
      `Cannot write '${file}': ${message}`,
      { file, remedy: 'Check the folder and its permissions.' },
      { cause: error },
    );
  }
}

/** Reads a file of statistics. Throws `data.not-found`, `data.bad-format`. */
export async function readStatisticsFile(file: string): Promise<StatisticsFile> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    throw new VernierError('data.not-found', `Cannot read the statistics '${file}'.`, {
      file,
      remedy: 'Check the path.',
    });
  }
  const refuse = (why: string, remedy: string, place: { tensor?: string } = {}) =>
    new VernierError('data.bad-format', `'${file}' ${why}.`, { file, ...place, remedy });
  let contents: Partial<StatisticsFile> | null;
  try {
    contents = JSON.parse(text) as Partial<StatisticsFile> | null;
  } catch {
    contents = null;
  }
  if (contents?.kind !== KIND)
    throw refuse('holds no statistics', 'Give a file that vernier calibrate or merge wrote.');
  if (typeof contents.statistics?.format === 'number' && contents.statistics.format !== FORMAT)
    throw refuse(
      'was written by another version of Vernier',
      'Make it again, with the same version on every machine.',
    );
  const flaw = flawOf(contents);
  if (flaw) {
    const { why, ...place } = flaw;
    throw refuse(
      `is damaged: ${why}`,
      'Make it again, or fetch it again as it was written.',
      place,
    );
  }
  return contents as StatisticsFile;
}
