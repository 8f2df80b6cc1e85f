import { calibrationNeed } from '../../recipe/modes';
import type { Note } from '../../results';
import type { JobContext } from '../context';
import { forcedLayers } from '../forced';
import type { Plan } from '../plan';
import { modeOf } from '../modes';
import { openRanges, rangeNotes } from '../ranges';
import type { Samples } from '../samples';
import type { Subject } from '../subject';
import { calibrateStage, tappedTensors, withRanges, type Calibrated } from './calibrate';
import { wishesOf } from './quantize';
import { takenStage } from './taken';

/** Tensors that calibrating for a recipe looks at. */
export function tapsOf(plan: Plan, subject: Subject): string[] {
  const forced = forcedLayers(plan, wishesOf(plan, subject));
  const more = modeOf(plan.recipe.quantization.mode).taps?.(subject);
  return tappedTensors(subject, forced, plan.traits.family, more);
}

/**
 * What a mode knows of activation ranges: what calibration saw, and before it the ranges of the recipe's file. Null where the
 * mode has no use for them or there is nothing. @param always even for a mode that has no use for them
 */
export async function rangesStage(
  plan: Plan,
  subject: Subject,
  { calibration }: Samples,
  context: JobContext,
  always = false,
): Promise<{ calibrated: Calibrated | null; notes: Note[] }> {
  const uses = always || calibrationNeed(plan.recipe.quantization.mode) !== 'unused';
  if (!uses) return { calibrated: null, notes: [] };
  const { statistics } = plan.recipe.calibration ?? {};
  const wanted = tapsOf(plan, subject);
  const taken = await takenStage(plan, subject, calibration, wanted, context);
  const seen =
    !taken && calibration
      ? await calibrateStage(subject, calibration, context, wanted, statistics)
      : (taken?.calibrated ?? null);
  const notes = taken?.notes ?? [];
  const imported = await openRanges(plan);
  return imported
    ? {
        calibrated: withRanges(subject, seen, imported, plan.traits.family),
        notes: [...notes, ...rangeNotes(imported, subject)],
      }
    : { calibrated: seen, notes };
}
