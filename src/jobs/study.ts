import path from 'node:path';
import type { ExactOutputs } from '../analyze/output-sums';
import { VernierError } from '../errors';
import type { JobContext, JobHooks } from './context';
import { Meter } from './meter';
import type { Memory } from './memory';
import type { Quantized } from './modes/mode';
import { makePlan, readRecipe, type Plan } from './plan';
import { openSamples, type Samples } from './samples';
import type { Calibrated } from './stages/calibrate';
import { openReference, type Reference } from './stages/evaluate';
import { exactOutputs, pickLayerSamples, type LayerSamples } from './stages/layers';
import { refuseHopeless } from './stages/quantize';
import { rangesStage } from './stages/ranges';
import { writeStage } from './stages/write';
import { Store } from './store';
import { openSubject, type Subject } from './subject';
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

/** What a request that studies a recipe names. */
export interface StudyRequest {
  recipePath: string;
  /** The recipe's text where it is not (or not yet) what the file says. */
  text?: string;
}

/** Reads a recipe and its model for a job of its own. Throws `recipe.*`, `model.*`. */
export async function openJob(
  request: StudyRequest,
  memory: Memory,
  hooks: Pick<JobHooks, 'progress' | 'temporary'>,
): Promise<{ plan: Plan; subject: Subject; context: JobContext; text: string }> {
  const recipePath = path.resolve(request.recipePath);
  const text = request.text ?? (await readRecipe(recipePath));
  const plan = await makePlan(recipePath, text);
  const store = new Store(recipePath);
  await store.removeTemporary();
  const meter = new Meter((progress) => hooks.progress(progress));
  await meter.begin('read', 1);
  const subject = await openSubject(plan.model, memory);
  const context: JobContext = {
    memory,
    meter,
    store,
    partial: () => undefined,
    temporary: (file) => hooks.temporary?.(file),
  };
  return { plan, subject, context, text };
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
  const reference = await openReference(subject, evaluation, context);
  const layerSamples = await pickLayerSamples(plan, subject, evaluation);
  const exact = await exactOutputs(reference, layerSamples);
  return {
    plan,
    subject,
    samples,
    evaluation,
    calibrated,
    quantized,
    reference,
    layerSamples,
    exact,
    context,
  };
}
