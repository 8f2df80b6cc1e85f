import { spread, type Feed } from '../../data';
import { codeRange } from '../../numeric';
import { calibrate, type Statistics } from '../../quantize/calibrate';
import type { TensorParams } from '../../quantize/parameters';
import { everyRoot } from '../../quantize/place-bodies';
import { TensorStatistics, type StatisticsData } from '../../quantize/statistics';
import type { Note, RunResult } from '../../results';
import { runtimeVersion } from '../../runtime/session';
import { addNote, type JobContext } from '../context';
import { forcedLayers } from '../forced';
import { ENGINE_VERSION, keyOf } from '../keys';
import { chooseParameters } from '../modes/parameters';
import type { Plan } from '../plan';
import type { Samples, Selection } from '../samples';
import { everythingFor, type Subject } from '../subject';
import { Unfinished } from '../unfinished';
import { FORMAT } from './calibrate-part';
import type { Calibrated } from './calibrate';
import { wishesOf } from './quantize';

/** So many samples are looked at. */
const SAMPLES = 16;
/** A tensor is worth a word from this share of its values outside on. */
const MANY = 0.001;

/** Scale and zero point of tensors that are, or would be, quantized. */
export type Quantizers = ReadonlyMap<string, TensorParams>;

/** The quantizers of a written model. */
export function quantizersOf({ ranges }: RunResult): Quantizers {
  return new Map(
    ranges.flatMap(({ tensor, scale, zeroPoint, read }): [string, TensorParams][] => {
      if (scale === null || zeroPoint === null) return [];
      const { min, max } = read ?? {};
      const all = { min: min ?? -Infinity, max: max ?? Infinity };
      return [[tensor, { scale, zeroPoint, ...(read && { read: all }) }]];
    }),
  );
}

/** The quantizers that a recipe's observers choose, before anything is written. */
export function chosenQuantizers(plan: Plan, subject: Subject, calibrated: Calibrated): Quantizers {
  const wishes = wishesOf(plan, subject);
  const { params, unusable } = chooseParameters(plan, subject, calibrated, wishes, []);
  const forced = forcedLayers(plan, wishes);
  const roots = everyRoot(everythingFor(subject, forced, plan.traits.family));
  return new Map(
    [...roots].flatMap(([tensor, root]): [string, TensorParams][] => {
      const own = params.get(root);
      return own && !unusable.has(root) ? [[tensor, own]] : [];
    }),
  );
}

/**
 * Counts which share of every quantized tensor's values lies outside its range on samples that were not calibrated on, in
 * the FP32 model: what calibration has not seen. The statistics of these samples are kept, so that other observers read
 * nothing again. Does nothing where all evaluation samples were calibrated on, or there are no ranges.
 */
export async function heldBackStage(
  plan: Plan,
  subject: Subject,
  quantizers: Quantizers,
  { evaluation, shared }: Samples,
  result: RunResult,
  context: JobContext,
): Promise<void> {
  if (!evaluation || shared > 0 || quantizers.size === 0 || !result.calibrationReport) return;
  const tensors = result.ranges.map((r) => r.tensor);
  const positions = spread(evaluation.indices.length, SAMPLES);
  const statistics = await statisticsOf(subject, evaluation, positions, tensors, context);
  const codes = codeRange(plan.activationType);
  for (const range of result.ranges) {
    const seen = statistics.get(range.tensor);
    const quantizer = quantizers.get(range.tensor);
    if (!seen || seen.samples === 0 || !quantizer) continue;
    // Half a step beyond either end still rounds to the last code.
    const [low, high] = [codes.min - 0.5, codes.max + 0.5].map(
      (code) => (code - quantizer.zeroPoint) * quantizer.scale,
    );
    // What lies beyond what is read may be clipped.
    const { scale, read } = quantizer;
    range.outOfRange = seen.histogram.shareOutside(
      read && low! <= read.min + scale ? Math.min(low!, seen.min) : low!,
      read && high! >= read.max - scale ? Math.max(high!, seen.max) : high!,
    );
  }
  result.calibrationReport.heldBack = { samples: positions.length };
  const note = exceeded(result, positions.length);
  if (note) addNote(result.notes, note);
}

/** Statistics of the first `done` of the held-back samples. */
interface HeldBackState {
  done: number;
  statistics: StatisticsData[];
}

/** Statistics of the held-back samples, from memory or `.vernier/` where they were made before. */
function statisticsOf(
  subject: Subject,
  evaluation: Selection,
  positions: readonly number[],
  tensors: readonly string[],
  { memory, store }: JobContext,
): Promise<Statistics> {
  const key = keyOf(
    'held-back',
    FORMAT,
    ENGINE_VERSION,
    runtimeVersion(),
    subject.key,
    evaluation.key,
    [...tensors].sort(),
  );
  return memory.get('held-back', key, async () => {
    const stored = await store.read<StatisticsData[]>(`held-back.${key}`);
    const part = await Unfinished.open<HeldBackState>(store, 'held-back', key);
    if (stored) {
      await part.finish();
      return new Map(stored.map((d) => [d.tensor, TensorStatistics.fromData(d)]));
    }
    const done = part.before?.done ?? 0;
    const before = new Map(part.before?.statistics.map((d) => [d.tensor, d]));
    const rest = each(evaluation, positions.slice(done));
    const made = await calibrate(subject.prepared, tensors, rest, {
      // ranges may stand in another order than they did then
      before: part.before ? tensors.map((tensor) => before.get(tensor)!) : null,
      positionOf: (i) => done + i,
      saveEveryMs: store.saveEveryMs,
      onSave: (statistics, more) => part.keep({ done: done + more, statistics }),
    });
    await store.write(
      `held-back.${key}`,
      [...made.values()].map((s) => s.toData()),
    );
    await part.finish();
    return made;
  });
}

function exceeded({ ranges }: RunResult, samples: number): Note | null {
  const beyond = ranges
    .filter((r) => (r.outOfRange ?? 0) >= MANY)
    .sort((a, b) => b.outOfRange! - a.outOfRange!);
  const [worst] = beyond;
  if (!worst) return null;
  const list = beyond
    .slice(0, 3)
    .map((r) => `'${r.tensor}' ${(r.outOfRange! * 100).toFixed(r.outOfRange! < 0.01 ? 2 : 1)} %`);
  return {
    code: 'calibration-exceeded',
    severity: worst.outOfRange! >= 10 * MANY ? 'warning' : 'info',
    message: `On ${samples} samples that were not calibrated on, values lie outside the ranges of ${beyond.length} tensors: ${list.join(', ')}.`,
    tensor: worst.tensor,
    remedy: 'Calibrate on more, or on more varied samples.',
  };
}

async function* each(
  { source, indices }: Selection,
  positions: readonly number[],
): AsyncGenerator<Feed> {
  for (const i of positions) yield await source.sample(indices[i]!);
}
