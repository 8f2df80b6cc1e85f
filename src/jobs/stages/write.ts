import type { JobContext } from '../context';
import type { Plan } from '../plan';
import type { Selection } from '../samples';
import type { Subject } from '../subject';
import type { Calibrated } from './calibrate';
import { correctStage, FEWEST_SAMPLES } from './correct';
import { quantizeStage, type Quantized } from './quantize';

/** Quantizes and corrects biases where the recipe asks for it, keeping `extra` layers in FP32. */
export async function writeStage(
  plan: Plan,
  subject: Subject,
  calibration: Selection | null,
  calibrated: Calibrated | null,
  context: JobContext,
  extra: ReadonlySet<string> = new Set(),
): Promise<Quantized> {
  const plain = await quantizeStage(plan, subject, calibrated, extra);
  const corrected = await correctStage(
    plan,
    subject,
    calibration,
    calibrated,
    plain,
    context,
    extra.size > 0,
  );
  if (corrected) {
    plain.release();
    return quantizeStage(plan, subject, calibrated, extra, corrected);
  }
  if (plan.recipe.quantization.improve.includes('bias-correction') && plain.placement)
    plain.notes.push({
      code: 'bias-not-corrected',
      severity: 'info',
      message: `Biases are not corrected: that takes ${FEWEST_SAMPLES} calibration samples, and there are ${calibration?.indices.length ?? 0}.`,
      remedy: 'Give more data under calibration:, or write improve: [] to leave correction out.',
    });
  return plain;
}
