import { spread, type Feed } from '../../data';
import { codeRange } from '../../numeric';
import { calibrate } from '../../quantize/calibrate';
import type { Note, RunResult } from '../../results';
import type { JobContext } from '../context';
import { keyOf } from '../keys';
import type { Quantized } from '../modes/mode';
import type { Plan } from '../plan';
import type { Samples, Selection } from '../samples';
import type { Subject } from '../subject';

/** So many samples are looked at. */
const SAMPLES = 16;
/** A tensor is worth a word from this share of its values outside on. */
const MANY = 0.001;

/**
 * Counts which share of every quantized tensor's values lies outside its range on samples that were not calibrated on, in
 * the FP32 model: what calibration has not seen. Does nothing where all evaluation samples were calibrated on, or the mode
 * has no ranges.
 */
export async function heldBackStage(
  plan: Plan,
  subject: Subject,
  quantized: Quantized,
  { evaluation, shared }: Samples,
  result: RunResult,
  context: JobContext,
): Promise<void> {
  if (!evaluation || shared > 0 || !quantized.placement || !result.calibrationReport) return;
  const tensors = result.ranges.filter((r) => r.scale !== null).map((r) => r.tensor);
  const positions = spread(evaluation.indices.length, SAMPLES);
  const key = keyOf('held-back', subject.key, evaluation.key, tensors);
  const statistics = await context.memory.get('held-back', key, () =>
    calibrate(subject.prepared, tensors, each(evaluation, positions)),
  );
  const codes = codeRange(plan.activationType);
  for (const range of result.ranges) {
    const seen = statistics.get(range.tensor);
    if (!seen || seen.samples === 0 || range.scale === null || range.zeroPoint === null) continue;
    // Half a step beyond either end still rounds to the last code.
    const [low, high] = [codes.min - 0.5, codes.max + 0.5].map(
      (code) => (code - range.zeroPoint!) * range.scale!,
    );
    range.outOfRange = seen.histogram.shareOutside(low!, high!);
  }
  result.calibrationReport.heldBack = { samples: positions.length };
  const note = exceeded(result, positions.length);
  if (note) result.notes.push(note);
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
