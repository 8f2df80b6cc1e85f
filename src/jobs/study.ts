import type { ExactOutputs } from '../analyze/output-sums';
import { VernierError } from '../errors';
import type { JobContext } from './context';
import type { Quantized } from './modes/mode';
import type { Plan } from './plan';
import { openSamples, type Samples } from './samples';
import type { Calibrated } from './stages/calibrate';
import { openReference, type Reference } from './stages/evaluate';
import { exactOutputs, pickLayerSamples, type LayerSamples } from './stages/layers';
import { refuseHopeless } from './stages/quantize';
import { rangesStage } from './stages/ranges';
import { writeStage } from './stages/write';
import type { Subject } from './subject';
import { trialFile } from './trial';

/** A recipe's model with its data and its quantized form in memory: what is needed to try things with its layers. */
export interface Study {
  plan: Plan;
  subject: Subject;
  samples: Samples;
  /** The samples on which FP32 is compared with. */
  evaluation: NonNullable<Samples['evaluation']>;
  calibrated: Calibrated | null;
  /** As the recipe says, nothing more kept. */
  quantized: Quantized;
  reference: Reference;
  /** The samples on which layers are judged, and FP32's outputs for them. */
  layerSamples: LayerSamples;
  exact: ExactOutputs;
  context: JobContext;
}

/**
 * Calibrates and quantizes in memory, and takes FP32's outputs on the samples of the layer analysis.
 * Throws `data.*`, and `recipe.schema` where there are no samples to compare outputs on.
 */
export async function openStudy(plan: Plan, subject: Subject, context: JobContext): Promise<Study> {
  await refuseHopeless(plan, subject);
  const samples = await openSamples(plan, subject);
  const { evaluation, calibration } = samples;
  if (!evaluation)
    throw new VernierError('recipe.schema', 'Without data no layer can be compared with FP32.', {
      file: plan.recipePath,
      remedy: 'Add evaluate: { data: … } to the recipe.',
    });
  const { calibrated } = await rangesStage(plan, subject, samples, context);
  await context.meter.begin('quantize', 1);
  context.temporary(trialFile(plan.output));
  const quantized = await writeStage(plan, subject, calibration, calibrated, context);
  try {
    const reference = await openReference(subject, evaluation, context);
    const layerSamples = await pickLayerSamples(plan, subject, evaluation);
    const exact = await exactOutputs(reference, layerSamples, context);
    const data = { samples, evaluation, calibrated, layerSamples, exact };
    return { plan, subject, ...data, quantized, reference, context };
  } catch (error) {
    quantized.release();
    throw error;
  }
}
