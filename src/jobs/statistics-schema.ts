import * as z from 'zod';
import { BIN_COUNT } from '../numeric';
import type { StatisticsData } from '../quantize/statistics';
import { keyOf } from './keys';
import { FORMAT } from './stages/calibrate-part';

const count = z.int().min(0);
const extreme = z.number().nullable();
/** An exact sum as text; exponents of sums and squares of float32 have no more digits. */
const exactSum = z.string().regex(/^-?[0-9a-f]{1,4096}@-?\d{1,4}$/);
const base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/);

const tensor = z.object({
  tensor: z.string(),
  samples: count,
  notFiniteAt: z.array(count),
  dims: z.array(count),
  histogram: z
    .object({ bins: z.array(count), counts: z.array(count), min: extreme, max: extreme })
    .nullable(),
  moments: z
    .object({
      count,
      sum: exactSum,
      squares: exactSum,
      min: extreme,
      max: extreme,
      nan: count,
      infinite: count,
    })
    .nullable(),
  min: extreme,
  max: extreme,
  channels: z.object({ min: z.array(extreme), max: z.array(extreme) }).nullable(),
  sameChannels: z.boolean(),
  positions: z.array(count),
  sampleMin: base64,
  sampleMax: base64,
});

const mark = z.object({
  position: count,
  name: z.string(),
  hash: z.string(),
  sketch: z.array(z.number()),
  constant: z.array(z.string()),
});

const file = z.object({
  key: z.string(),
  model: z.object({ name: z.string(), sha256: z.string() }),
  data: z.object({ source: z.string(), random: z.boolean(), key: z.string() }),
  engine: z.string(),
  runtime: z.string(),
  statistics: z.object({
    format: z.literal(FORMAT),
    key: z.string(),
    depth: z.enum(['full', 'minmax']),
    seconds: z.number().min(0),
    from: count,
    done: count,
    to: count,
    total: count,
    tensors: z.array(tensor).min(1),
    marks: z.array(mark),
  }),
});

/** What is wrong with a file of statistics, and with which tensor of it. */
export interface Flaw {
  why: string;
  tensor?: string;
}

/**
 * The first thing in a file of statistics that no calibration writes; null where there is none:
 *
 * 1. a key that is missing or of another type;
 * 2. a range of samples that is none, or a key that does not belong to these tensors;
 * 3. a tensor whose numbers contradict each other.
 */
export function flawOf(contents: unknown): Flaw | null {
  const parsed = file.safeParse(contents);
  if (!parsed.success) return flawAt(contents, parsed.error.issues[0]!.path);
  const { key, statistics } = parsed.data;
  const { from, done, to, total, depth, tensors, marks } = statistics;
  if (from > done || done > to || to > total)
    return { why: `samples ${from} to ${done} of ${to} of ${total} are no part of a whole` };
  const inside = (position: number) => position >= from && position < done;
  if (marks.length !== done - from || !marks.every(({ position }) => inside(position)))
    return { why: `marks are not those of samples ${from} to ${done - 1}` };
  const names = tensors.map((one) => one.tensor).sort();
  if (key !== keyOf('statistics', statistics.key, depth, names))
    return { why: 'its key belongs to other tensors' };
  for (const one of tensors) {
    const why = contradiction(one, depth === 'full', inside);
    if (why !== null) return { why, tensor: one.tensor };
  }
  return null;
}

function flawAt(contents: unknown, path: readonly PropertyKey[]): Flaw {
  const at = path.findIndex((step, i) => typeof step === 'number' && path[i - 1] === 'tensors');
  const { statistics } = contents as { statistics: { tensors: Partial<StatisticsData>[] } };
  const name: unknown = at < 0 ? undefined : statistics.tensors[Number(path[at])]?.tensor;
  const why = `${path.map(String).join('.')} is missing or wrong`;
  return typeof name === 'string' ? { why, tensor: name } : { why };
}

/** What in the statistics of one tensor cannot be together; null where all of it can. */
function contradiction(
  { histogram, moments, channels, min, max, ...seen }: StatisticsData,
  full: boolean,
  inside: (position: number) => boolean,
): string | null {
  if (!range(min, max)) return `min ${min} and max ${max} are no range`;
  if (channels && channels.min.length !== channels.max.length)
    return 'channels have more of one extreme than of the other';
  const runs = [seen.positions, seen.notFiniteAt];
  if (!runs.every((each) => areRuns(each, inside))) return 'positions are not those of its samples';
  if (lengthOf(seen.positions) !== seen.samples)
    return `${seen.samples} samples are at ${lengthOf(seen.positions)} positions`;
  for (const text of [seen.sampleMin, seen.sampleMax])
    if (Buffer.from(text, 'base64').length !== 4 * seen.samples)
      return `extremes are not those of ${seen.samples} samples`;
  if (full !== (histogram !== null) || full !== (moments !== null))
    return full ? 'the histogram or the moments are missing' : 'there is more than extremes';
  if (!histogram || !moments) return null;
  const { bins, counts } = histogram;
  if (
    bins.length !== counts.length ||
    !bins.every((b, i) => b < BIN_COUNT && b > (bins[i - 1] ?? -1))
  )
    return `${counts.length} counts do not fit ${bins.length} bins`;
  const binned = counts.reduce((sum, n) => sum + n, 0);
  const counted = moments.count + moments.nan + moments.infinite;
  if (binned !== counted) return `the bins hold ${binned} values, and ${counted} were counted`;
  for (const other of [histogram, moments])
    if (other.min !== min || other.max !== max) return 'its extremes differ from each other';
  return null;
}

function range(min: number | null, max: number | null): boolean {
  return min === null || max === null ? min === max : min <= max;
}

/** Runs (first and last position of each) ascend without touching. */
function areRuns(runs: readonly number[], inside: (position: number) => boolean): boolean {
  return (
    runs.length % 2 === 0 &&
    runs.every(
      (position, i) =>
        inside(position) &&
        (i % 2 === 1 ? position >= runs[i - 1]! : position > (runs[i - 1] ?? -1)),
    )
  );
}

function lengthOf(runs: readonly number[]): number {
  return runs.reduce((sum, position, i) => sum + (i % 2 === 1 ? position + 1 : -position), 0);
}
