import { alreadyQuantized } from '../analyze/already-quantized';
import { byteBudget } from '../analyze/byte-budget';
import { fusionCandidates, settleFusions } from '../analyze/fusions';
import { quantizationBreaks } from '../analyze/fusions/breaks';
import { loadAdvice } from '../analyze/load-advice';
import { timedBreaks } from '../analyze/profile';
import { VernierError } from '../errors';
import { calibrationNeed } from '../recipe/modes';
import type { Note, RunResult } from '../results';
import { runtimeVersion } from '../runtime/session';
import { addNote, type JobContext, type JobHooks } from './context';
import { ENGINE_VERSION, keyOf } from './keys';
import type { Memory } from './memory';
import { ownMetric } from './metric';
import { sourceBytes, writtenBytes } from './model-bytes';
import { openJob } from './open-job';
import type { Plan } from './plan';
import type { RunRequest, RunUntil } from './protocol';
import {
  emptyResult,
  fillCalibration,
  fillEvaluation,
  fillLayers,
  fillMatch,
  fillNoise,
  fillPairs,
  fillSensitivity,
  noteShares,
} from './fill';
import { checkLimits } from './limits';
import { openSamples, remembering } from './samples';
import { settlePlan } from './settle';
import { costsStage } from './stages/costs';
import { expectedStage } from './stages/expected';
import { evaluateStage, openReference } from './stages/evaluate';
import { fixedStage } from './stages/fixed';
import {
  accumulatedStage,
  exactOutputs,
  layersAlone,
  localStage,
  pickLayerSamples,
} from './stages/layers';
import { chosenQuantizers, heldBackStage, quantizersOf } from './stages/held-back';
import { likenessStage } from './stages/likeness';
import { roundedStage } from './stages/rounded';
import { timeStage } from './stages/time';
import { Timings } from './stages/timings';
import { quantizeStage, refuseHopeless, type Quantized } from './stages/quantize';
import { openProbe, shapesOf } from './stages/probe';
import { rangesStage } from './stages/ranges';
import { twoPassStage } from './stages/two-pass';
import { verifyStage, type Verified } from './stages/verify';
import { correctAloneStage } from './stages/correct';
import { wholeStage } from './stages/whole';
import { writeStage } from './stages/write';
import { trialFile } from './trial';
import { noteRisk, pairsOf, withoutVnniStage } from './stages/without-vnni';
import { macsWithShapes, type Subject } from './subject';

const ORDER: readonly RunUntil[] = ['calibrate', 'quantize', 'evaluate', 'all'];

/**
 * Runs a recipe: read, calibrate, quantize, verify, evaluate, layer errors, sensitivity, latency. Results stream
 * through `hooks.partial` as stages finish; what is known from earlier runs is not computed again.
 * @param bundle file of this process's own script, for the timing process
 */
export async function runRecipe(
  request: RunRequest,
  memory: Memory,
  hooks: JobHooks,
  bundle: string,
): Promise<RunResult> {
  const job = await openJob(request, memory, hooks);
  const { plan, subject } = job;
  const { store } = job.context;
  const result = emptyResult(plan, subject, request.recipePath);
  result.notes.push(...job.notes, ...subject.context.notes);
  const quantized = alreadyQuantized(subject.source);
  if (quantized) addNote(result.notes, quantized);
  const context: JobContext = { ...job.context, partial: () => hooks.partial(result) };
  try {
    const until = request.until ?? 'all';
    const settled = await settlePlan(plan, subject, result, context, until, bundle);
    await runStages(settled, subject, result, context, until, bundle);
  } catch (error) {
    throw inModel(error, plan.model);
  }
  result.complete = true;
  result.finishedAt = new Date().toISOString();
  // Looking at ranges again must not lose what an earlier run measured.
  if (request.until !== 'calibrate' || !(await store.read('result')))
    await store.write('result', result);
  await Timings.forget(store);
  return result;
}

async function runStages(
  plan: Plan,
  subject: Subject,
  result: RunResult,
  context: JobContext,
  until: RunUntil,
  bundle: string,
): Promise<void> {
  const goes = (stage: RunUntil) => ORDER.indexOf(until) >= ORDER.indexOf(stage);
  const wanted = calibrationNeed(plan.recipe.quantization.mode);

  // 1. Data.
  if (goes('quantize')) await refuseHopeless(plan, subject);
  const samples = await openSamples(plan, subject);
  // a metric that cannot be had is told of before anything is calibrated for it
  const own = goes('evaluate') ? await ownMetric(plan) : null;
  if (samples.calibration)
    samples.calibration = await remembering(samples.calibration, context.memory);
  const ranges = await rangesStage(plan, subject, samples, context, until === 'calibrate');
  const { calibrated } = ranges;
  for (const note of ranges.notes) addNote(result.notes, note);
  if (calibrated) fillCalibration(result, plan, subject, samples.calibration, calibrated);
  else if (wanted === 'needed') await quantizeStage(plan, subject, null); // says what is missing
  await likenessStage(subject, samples.calibration, result, context);
  context.partial();
  if (!goes('quantize')) {
    if (calibrated && wanted !== 'unused') {
      const chosen = chosenQuantizers(plan, subject, calibrated);
      await heldBackStage(plan, subject, chosen, samples, result, context);
    }
    return;
  }

  // 2. Quantize, write, load, read what is executed.
  let start = Date.now();
  await context.meter.begin('quantize', 1);
  const { calibration } = samples;
  const quantize = (extra: ReadonlySet<string>): Promise<Quantized> =>
    writeStage(plan, subject, calibration, calibrated, context, extra);
  context.temporary(trialFile(plan.output));
  const quantized = await quantize(new Set());
  let verified: Verified | null = null;
  try {
    for (const note of quantized.notes) addNote(result.notes, note);
    await context.meter.begin('verify', 1);
    const probe = await openProbe(plan, subject, samples, context);
    verified = await verifyStage(
      subject,
      quantized,
      plan.output,
      probe,
      result.notes,
      context,
      plan.target,
    );
    result.verification = verified.verification;
    result.seconds.quantize = (Date.now() - start) / 1000;
    result.key = keyOf(
      ENGINE_VERSION,
      runtimeVersion(),
      subject.key,
      calibrated?.key ?? null,
      plan.recipe,
      ...(own ? [own.key] : []),
    );
    const shapes = shapesOf(probe);
    const macs = macsWithShapes(subject, shapes);
    const expected = await expectedStage(plan, subject, calibrated, quantized, shapes, context);
    fillLayers(result, subject, quantized, verified.executed, macs, { expected });
    const pairs = pairsOf(subject, verified);
    fillPairs(result, pairs.layers);
    fillCalibration(result, plan, subject, samples.calibration, calibrated, quantized);
    result.size = byteBudget(
      await sourceBytes(subject),
      quantized.model,
      await writtenBytes(plan.output, verified.data),
    );
    result.load = loadAdvice(quantized.model, plan.output);
    result.fusions = settleFusions(fusionCandidates(subject.look), subject.look.source, {
      all: verified.optimized,
      written: true,
    });
    result.breaks = quantizationBreaks(verified.optimized, quantized.model, subject.look.context);
    await fixedStage({ plan, quantized, samples, probe, result, context });
    context.partial();
    if (!goes('evaluate') || !samples.evaluation) {
      noteRisk(result, pairs);
      fillNoise(result);
    }
    if (!goes('evaluate')) return;
    if (!samples.evaluation) {
      addNote(result.notes, {
        code: 'not-evaluated',
        severity: 'info',
        message: 'No data was given, so accuracy, errors and latency are not measured.',
        remedy: 'Add evaluate: { data: … } to the recipe.',
      });
      return;
    }

    // 3. Accuracy and closeness, at once.
    start = Date.now();
    const reference = await openReference(subject, samples.evaluation, context);
    const set = { plan, subject, reference, evaluation: samples.evaluation, context };
    const written = { session: await verified.open(), file: plan.output };
    const evaluation = await evaluateStage(set, written);
    result.seconds.evaluate = (Date.now() - start) / 1000;
    fillEvaluation(result, evaluation, samples.evaluation);
    if (quantized.placement)
      await heldBackStage(plan, subject, quantizersOf(result), samples, result, context);
    if (calibrated && samples.shared > 0)
      addNote(result.notes, {
        code: 'evaluated-on-calibration',
        severity: 'warning',
        message: `${samples.shared} of the ${samples.evaluation.indices.length} evaluation samples were calibrated on too.`,
        remedy: 'Evaluate on data that the ranges have not seen.',
      });
    result.limits = checkLimits(plan.recipe.limits, result);
    context.partial();

    // 4. Layer errors.
    start = Date.now();
    const layerSamples = await pickLayerSamples(plan, subject, samples.evaluation);
    result.layerSamples = layerSamples.feeds.length;
    // evaluating has computed them
    const exact = await exactOutputs(reference, layerSamples, context);
    const study = { ...set, samples, calibrated, quantized, layerSamples, exact };
    const accumulated = await accumulatedStage(study, verified.executed);
    const alone = await correctAloneStage(study);
    if (alone) quantized.aloneBiases = alone;
    const local = await localStage(study);
    const { stage } = plan.recipe.sensitivity;
    const whole = stage === 'analytic' ? null : await wholeStage(study);
    const twoPass =
      whole && (await twoPassStage({ ...study, shapes }, { local, accumulated, whole, exact }));
    if (stage !== 'exact' && !expected) addNote(result.notes, noEstimates(plan));
    const found = { accumulated, local, expected, twoPass };
    fillLayers(result, subject, quantized, verified.executed, macs, found);
    fillNoise(result);
    fillMatch(result, accumulated);
    fillPairs(result, pairs.layers);
    await withoutVnniStage(result, verified, pairs, layerSamples.feeds, context);
    await roundedStage(plan, result, quantized, reference, layerSamples, context);
    result.seconds.analyze = (Date.now() - start) / 1000;
    context.partial();
    if (!goes('all')) return;

    // 5. Speed, while nothing else runs.
    const { source, indices } = samples.evaluation;
    const feed = await source.sample(indices[0]!);
    const { optimized } = verified;
    const timed = await timeStage(plan, subject, optimized, feed, bundle, context);
    result.latency = timed.latency;
    result.breaks = timedBreaks(result.breaks, timed.profile.candidate, optimized);
    result.limits = checkLimits(plan.recipe.limits, result);
    context.partial();

    // 6. Sensitivity: each layer alone, then what keeping each of the loud ones buys.
    if (stage !== 'exact' || !whole) {
      noteShares(result);
      return;
    }
    start = Date.now();
    const deadline = Date.now() + plan.recipe.sensitivity.budgetSeconds * 1000;
    const noise = await layersAlone(study, false);
    fillSensitivity(result, noise, null);
    context.partial();
    const shares = new Map(result.layers.map((l) => [l.name, l.noiseShare ?? 0]));
    const keeping = (layer: string) => quantize(new Set([layer]));
    const costs = await costsStage(study, whole, shares, keeping, deadline);
    fillSensitivity(result, noise, costs);
    noteShares(result);
    result.seconds.analyze += (Date.now() - start) / 1000;
  } finally {
    await verified?.release();
    quantized.release();
  }
}

function noEstimates({ recipe, recipePath }: Plan): Note {
  const { stage } = recipe.sensitivity;
  return {
    code: 'no-estimates',
    severity: 'warning',
    message: `In mode ${recipe.quantization.mode} there are no ranges, from which sensitivity.stage: ${stage} estimates what layers cost, so that it is not known.`,
    file: recipePath,
    remedy: 'Write stage: exact, to run the model with each layer alone quantized.',
  };
}

/** What the runtime says of a model in memory is said of the file that it came from. */
function inModel(error: unknown, file: string): unknown {
  if (!(error instanceof VernierError) || error.place.file !== undefined) return error;
  if (error.code !== 'model.does-not-load' && error.code !== 'model.does-not-run') return error;
  const { code, message, place } = error;
  return new VernierError(code, message, { ...place, file }, { cause: error });
}
