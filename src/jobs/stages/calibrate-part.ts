import { markSample, type SampleMark } from '../../analyze/calibration-set/sample-marks';
import type { Feed } from '../../data';
import { free } from '../../numeric/free';
import { calibrate } from '../../quantize/calibrate';
import type { Depth, StatisticsData } from '../../quantize/statistics';
import type { JobContext } from '../context';
import { estimateCalibration } from './calibrate-estimate';
import { nameOf, type Selection } from '../samples';
import type { Subject } from '../subject';

/** Version of what is stored; other versions are not read. */
export const FORMAT = 4;

/** Statistics in `.vernier/`: of a whole calibration, or of some of its samples. */
export interface StoredStatistics {
  format: typeof FORMAT;
  /** Key of the calibration that they belong to. */
  key: string;
  depth: Depth;
  /** Seconds that it took, all attempts together. */
  seconds: number;
  /** Samples from `from` (inclusive) to `done` (exclusive) of `to` are in it; `total` samples make the whole. */
  from: number;
  done: number;
  to: number;
  total: number;
  tensors: StatisticsData[];
  /** What is remembered of each sample. */
  marks: SampleMark[];
}

/** Which samples of which calibration. */
export interface PartRequest {
  subject: Subject;
  selection: Selection;
  tensors: readonly string[];
  depth: Depth;
  /** Positions in the selection: from (inclusive) to (exclusive). */
  from: number;
  to: number;
}

/**
 * Calibrates on some samples, keeping what was done every second as the document `name`: a killed or cancelled attempt
 * loses no more than that, and the next one goes on from there.
 */
export async function calibratePart(
  { subject, selection, tensors, depth, from, to }: PartRequest,
  name: string,
  key: string,
  { store, meter }: Pick<JobContext, 'store' | 'meter'>,
): Promise<StoredStatistics> {
  const kept = await store.read<StoredStatistics>(name);
  const before = kept && fits(kept, key, depth, from, to, tensors) ? kept : null;
  const start = before?.done ?? from;
  const clock = Date.now();
  const marks = before?.marks ?? [];
  const stored = (data: StatisticsData[], done: number): StoredStatistics => ({
    format: FORMAT,
    key,
    depth,
    seconds: (before?.seconds ?? 0) + (Date.now() - clock) / 1000,
    from,
    done,
    to,
    total: selection.indices.length,
    tensors: data,
    // Samples on their way to the statistics have left their marks already.
    marks: marks.filter(({ position }) => position < done),
  });
  await meter.begin('calibrate', to - from, undefined, start - from);
  const statistics = await calibrate(
    subject.prepared,
    tensors,
    samplesFrom(selection, start, to, marks, async (feed) => {
      const estimate = estimateCalibration(subject.prepared, tensors, depth, feed, to - start);
      await meter.expect(estimate, start - from, to - from);
    }),
    {
      depth,
      before: before ? inOrder(before.tensors, tensors) : null,
      positionOf: (i) => start + i,
      saveEveryMs: store.saveEveryMs,
      onSave: (data, done) => store.write(name, stored(data, start + done)),
      onSample: (done) => meter.step(start - from + done, to - from),
    },
  );
  return stored(
    [...statistics.values()].map((s) => s.toData()),
    to,
  );
}

/** Whether kept statistics are of the same samples and the same tensors. */
function fits(
  kept: StoredStatistics,
  key: string,
  depth: Depth,
  from: number,
  to: number,
  tensors: readonly string[],
): boolean {
  const known = new Set(kept.tensors?.map((d) => d.tensor));
  return (
    kept.format === FORMAT &&
    kept.key === key &&
    kept.depth === depth &&
    kept.from === from &&
    kept.to === to &&
    known.size === tensors.length &&
    tensors.every((name) => known.has(name))
  );
}

function inOrder(data: readonly StatisticsData[], tensors: readonly string[]): StatisticsData[] {
  const byName = new Map(data.map((d) => [d.tensor, d]));
  return tensors.map((name) => byName.get(name)!);
}

async function* samplesFrom(
  selection: Selection,
  from: number,
  to: number,
  marks: SampleMark[],
  onFirst: (feed: Feed) => Promise<void>,
): AsyncGenerator<Feed> {
  const { source, indices } = selection;
  for (let i = from; i < to; i++) {
    const feed = await source.sample(indices[i]!);
    if (i === from) await onFirst(feed);
    marks.push(markSample(feed, i, nameOf(selection, i)));
    yield feed;
    // Who asks for the next is done with this one.
    if (source.fresh) free(...Object.values(feed).map(({ data }) => data));
  }
}
