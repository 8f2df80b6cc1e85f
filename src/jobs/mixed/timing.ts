/** Plans as files: how the runtime executes them, how long they take, and whether they meet the limits of the recipe. */
import type { MixedPlan } from '../../results-mixed';
import type { JobContext } from '../context';
import { emptyResult, fillEvaluation } from '../fill';
import { checkLimits } from '../limits';
import { sourceBytes, writtenBytes } from '../model-bytes';
import type { Plan } from '../plan';
import { evaluateStage } from '../stages/evaluate';
import { openProbe } from '../stages/probe';
import type { Quantized } from '../stages/quantize';
import { timeStage } from '../stages/time';
import { verifyStage } from '../stages/verify';
import { writeStage } from '../stages/write';
import type { Study } from '../study';
import { inTrialFile } from '../trial';
import { withChoices } from './tries';

/** Times plans, and finds what is slower in INT8 here. */
export class Timing {
  constructor(
    private readonly study: Study,
    private readonly bundle: string,
    private readonly context: JobContext,
  ) {}

  /**
   * What the runtime's profile of a plan says: the layers whose INT8 kernels take longer than FP32's, and the groups of them
   * that are worth keeping for it, the most to save first; null where nothing could be timed.
   */
  async slower(made: MixedPlan): Promise<{ all: string[]; worth: string[][] } | null> {
    await this.check(made, false);
    const profile = made.latency?.profile;
    if (!profile) return null;
    return {
      all: profile.layers.filter((l) => l.slower).map((l) => l.group),
      worth: profile.fixes.map((fix) => fix.layers),
    };
  }

  /** Bytes of the source. */
  sourceBytes(): Promise<number> {
    return sourceBytes(this.study.subject);
  }

  /** Writes a plan, times it, and compares it over the whole evaluation set where `whole`. */
  async check(made: MixedPlan, whole: boolean): Promise<void> {
    const { study, context } = this;
    const { subject, samples, calibrated } = study;
    const plan = withChoices(study.plan, made.choices);
    const quantized = await writeStage(plan, subject, samples.calibration, calibrated, context);
    try {
      await inTrialFile(context, 'plan', (file) =>
        this.measure({ ...plan, output: file }, quantized, made, whole),
      );
    } finally {
      quantized.release();
    }
  }

  private async measure(
    plan: Plan,
    quantized: Quantized,
    made: MixedPlan,
    whole: boolean,
  ): Promise<void> {
    const { study, context, bundle } = this;
    const { subject, samples, evaluation } = study;
    const probe = await openProbe(plan, subject, samples, context);
    const { output, target } = plan;
    const verified = await verifyStage(subject, quantized, output, probe, [], context, target);
    const found = emptyResult(plan, subject, plan.recipePath);
    try {
      made.executed = Object.fromEntries(
        made.choices.flatMap(({ layer }) => {
          const runs = verified.executed.get(layer);
          return runs ? [[layer, runs.precision]] : [];
        }),
      );
      made.bytes = await writtenBytes(output, verified.data);
      if (whole) {
        const candidate = { session: await verified.open(), file: output };
        const result = await evaluateStage({ ...study, plan, context }, candidate);
        fillEvaluation(found, result, evaluation);
        made.accuracy = result.accuracy;
      }
    } finally {
      await verified.release();
    }
    if ('feed' in probe && !made.latency) {
      const { optimized } = verified;
      const timed = await timeStage(plan, subject, optimized, probe.feed, bundle, context, 'plan');
      made.latency = timed.latency;
    }
    const size = { fp32: await sourceBytes(subject), int8: made.bytes, parts: [] };
    if (whole)
      made.limits = checkLimits(plan.recipe.limits, { ...found, latency: made.latency, size });
  }
}
