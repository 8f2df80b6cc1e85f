import { decide, ruleOf, shortfallOf } from '../analyze/choose';
import { toErrorData, VernierError } from '../errors';
import type { Mode, ModeChoice, ModeTrial, RunResult } from '../results';
import { runtimeVersion } from '../runtime/session';
import {
  compareWithFp32,
  comparisonProbe,
  measuredOn,
  sampleCount,
  whatFp32Misses,
} from './comparison';
import type { JobContext, JobHooks } from './context';
import { emptyResult, fillEvaluation, fillLayers } from './fill';
import { ENGINE_VERSION, keyOf, processor } from './keys';
import { checkLimits } from './limits';
import type { Memory } from './memory';
import { ownMetric } from './metric';
import { sourceBytes, writtenBytes } from './model-bytes';
import { openJob } from './open-job';
import type { Plan } from './plan';
import type { ChooseRequest } from './protocol';
import { refuseAllModes } from './quantizable';
import { openSamples, type Samples } from './samples';
import { shapesOf, type Probe } from './stages/probe';
import { refuseHopeless, wishesOf, type Quantized } from './stages/quantize';
import { rangesStage } from './stages/ranges';
import { timePair } from './stages/time';
import { Timings } from './stages/timings';
import { verifyStage } from './stages/verify';
import { writeStage } from './stages/write';
import { macsWithShapes, type Subject } from './subject';
import { inTrialFile } from './trial';

/** The modes that `mode: auto` chooses among, besides leaving the model in FP32. */
export const CHOICES: readonly Mode[] = ['dynamic', 'static'];

/** What is to be chosen, and for what. */
export interface ChooseTask {
  plan: Plan;
  subject: Subject;
  modes: readonly Mode[];
  /** The worker's own file, for the timing processes. */
  bundle: string;
}

/** The same plan with its mode decided. */
export function withMode(plan: Plan, mode: Mode): Plan {
  const { improve } = plan.recipe.quantization;
  const quantization = {
    ...plan.recipe.quantization,
    mode,
    improve: mode === 'static' ? improve : [],
  };
  return { ...plan, recipe: { ...plan.recipe, quantization } };
}

/**
 * Writes the model in every mode, compares each with FP32 on the same samples and times each against FP32 in processes of
 * their own, and says which wins. A mode that cannot be written is a trial with its reason, not a failure of the whole.
 * Throws `data.*`, `recipe.schema` where there is no input to run the models on, and `model.nothing-to-quantize` where no mode
 * could quantize a layer.
 */
export async function measureModes(task: ChooseTask, context: JobContext): Promise<ModeChoice> {
  const { plan, subject, modes } = task;
  const { limits, latency } = plan.recipe;
  refuseAllModes(modes, plan, subject, wishesOf(plan, subject));
  const samples = await openSamples(plan, subject);
  const probe = await comparisonProbe(plan, subject, samples, context);
  const trials: ModeTrial[] = [];
  const possible = modes.filter((mode) => plan.traits.modes?.includes(mode) ?? true);
  for (const mode of possible)
    trials.push(
      await inTrialFile(context, `choose-${mode}`, (file) =>
        tryMode(task, mode, samples, probe, context, file),
      ),
    );
  const fp32Bytes = await sourceBytes(subject);
  const { winner, reason } = decide(trials, whatFp32Misses(plan, trials));
  return {
    model: plan.model,
    recipe: plan.recipePath,
    target: plan.target,
    trials,
    winner,
    reason,
    rule: ruleOf(trials, Object.keys(limits)),
    measuredOn: measuredOn(subject, samples, probe),
    machine: processor(),
    threads: latency.threads,
    runtime: runtimeVersion(),
    fp32Bytes,
  };
}

/**
 * The same, remembered beside the recipe for this model, data, settings and processor: what is kept in FP32 is no part of it,
 * so that a switch at one layer does not measure again.
 */
export async function chooseStage(task: ChooseTask, context: JobContext): Promise<ModeChoice> {
  const { plan, subject, modes } = task;
  const { quantization, calibration, evaluate: evaluation, limits, latency, inputs } = plan.recipe;
  const samples = await openSamples(plan, subject);
  const key = keyOf('choice', ENGINE_VERSION, runtimeVersion(), subject.key, processor(), {
    quantization,
    target: plan.target,
    modes,
    limits,
    latency,
    inputs,
    data: [calibration, evaluation, samples.calibration?.key ?? '', samples.evaluation?.key ?? ''],
    metric: (await ownMetric(plan))?.key ?? null,
  });
  const known = await context.store.read<ModeChoice>(`choice.${key}`);
  if (known) return known;
  const choice = await measureModes(task, context);
  await context.store.write(`choice.${key}`, choice);
  return choice;
}

async function tryMode(
  task: ChooseTask,
  mode: Mode,
  samples: Samples,
  probe: Probe,
  context: JobContext,
  file: string,
): Promise<ModeTrial> {
  const plan = withMode(task.plan, mode);
  const { subject } = task;
  const trial: ModeTrial = {
    mode,
    failure: null,
    bytes: null,
    int8MacShare: null,
    worstDb: null,
    accuracy: null,
    agreement: null,
    latency: null,
    misses: null,
  };
  let quantized: Quantized | null = null;
  try {
    await refuseHopeless(plan, subject);
    const { calibrated } = await rangesStage(plan, subject, samples, context);
    await context.meter.begin('quantize', 1, mode);
    const { calibration } = samples;
    quantized = await writeStage(plan, subject, calibration, calibrated, context);
    const verified = await verifyStage(subject, quantized, file, probe, [], context, plan.target);
    const found = emptyResult(plan, subject, plan.recipePath);
    try {
      trial.bytes = await writtenBytes(file, verified.data);
      const macs = macsWithShapes(subject, shapesOf(probe));
      fillLayers(found, subject, quantized, verified.executed, macs);
      trial.int8MacShare = found.int8MacShare;
      trial.worstDb = verified.verification.worstDb;
      const most = sampleCount(subject);
      const written = { session: await verified.open(), file };
      const evaluation = await compareWithFp32(plan, subject, written, samples, most, context);
      if (evaluation) {
        fillEvaluation(found, evaluation, samples.evaluation!);
        const dbs = evaluation.outputs.map((o) => o.sqnrDb);
        trial.worstDb = dbs.length > 0 ? Math.min(...dbs) : null;
        trial.accuracy = evaluation.accuracy;
        trial.agreement = evaluation.agreement;
      }
    } finally {
      await verified.release();
    }
    const pair = { candidate: file, feed: probe.feed, settings: plan.recipe.latency };
    const latency = await timePair('choose', subject, pair, task.bundle, context, mode);
    found.latency = trial.latency = latency;
    const size = { fp32: await sourceBytes(subject), int8: trial.bytes, parts: [] };
    const checked = checkLimits(plan.recipe.limits, { ...found, size });
    Object.assign(trial, shortfallOf(trial, checked));
  } catch (error) {
    if (!(error instanceof VernierError) || /^(job|data|metric)\./.test(error.code)) throw error;
    const { code, message } = toErrorData(error);
    trial.failure = { code, message };
  } finally {
    quantized?.release();
  }
  return trial;
}

/**
 * Measures modes of a recipe's model and says which wins. Nothing is written but temporary files.
 * Throws `recipe.*`, `model.*`, `data.*`.
 */
export async function chooseRecipe(
  request: ChooseRequest,
  memory: Memory,
  hooks: Pick<JobHooks, 'progress' | 'temporary'>,
  bundle: string,
): Promise<ModeChoice> {
  const { plan, subject, context, notes } = await openJob(request, memory, hooks);
  const modes = request.modes ?? CHOICES;
  const choice = await measureModes({ plan, subject, modes, bundle }, context);
  await Timings.forget(context.store);
  return { ...choice, notes };
}

/** Writes into a result what choosing decided. */
export function fillChoice(result: RunResult, choice: ModeChoice): void {
  result.mode = choice.winner;
  result.choice = choice;
}
