import type { SearchResult } from '../../results';
import { runtimeVersion } from '../../runtime/session';
import type { Metric } from '../../data';
import { comparisonProbe, measuredOn } from '../comparison';
import type { JobContext, JobHooks } from '../context';
import { ENGINE_VERSION, keyOf, processor } from '../keys';
import type { Memory } from '../memory';
import { ownMetric } from '../metric';
import { sourceBytes } from '../model-bytes';
import { openJob } from '../open-job';
import type { Plan } from '../plan';
import type { SearchRequest } from '../protocol';
import { refuseAllModes } from '../quantizable';
import { openSamples, remembering } from '../samples';
import { wishesOf } from '../stages/quantize';
import { Timings } from '../stages/timings';
import type { Subject } from '../subject';
import { holdsWide } from '../targets';
import type { SearchFacts } from './candidates';
import { Journal } from './journal';
import { candidateText } from './recipe-text';
import { Search } from './search';

/** Seconds of `vernier auto` where it is not told. */
export const DEFAULT_SECONDS = 300;

/**
 * Searches for the best quantization of a recipe's model. No model is written but temporary files; what was tried is kept.
 * Throws `recipe.*`, `model.*`, `data.*`.
 */
export async function searchRecipe(
  { budgetSeconds = DEFAULT_SECONDS, ...request }: SearchRequest,
  memory: Memory,
  hooks: Pick<JobHooks, 'progress' | 'temporary'>,
  bundle: string,
): Promise<SearchResult> {
  const { plan, subject, context, notes } = await openJob(request, memory, hooks);
  const found = await searchStage(plan, subject, budgetSeconds, bundle, context);
  await Timings.forget(context.store);
  return { ...found, notes };
}

/** The same for a model that is read. @param budgetSeconds over all times that this search runs */
export async function searchStage(
  plan: Plan,
  subject: Subject,
  budgetSeconds: number,
  bundle: string,
  context: JobContext,
): Promise<SearchResult> {
  const facts = factsOf(plan, subject);
  if (!facts.wantsHalf)
    refuseAllModes(['static', 'dynamic', 'weight-only'], plan, subject, wishesOf(plan, subject));
  const samples = await openSamples(plan, subject);
  if (samples.calibration)
    samples.calibration = await remembering(samples.calibration, context.memory);
  const probe = await comparisonProbe(plan, subject, samples, context);
  const { text } = plan.parsed.doc;
  const fp32Bytes = await sourceBytes(subject);
  const own = await ownMetric(plan);
  const journal = await Journal.open(keyOfSearch(plan, subject, samples, facts, own), context);
  const meter = context.meter.within((inner) => ({
    ...inner,
    stage: 'search',
    done: Math.floor(Math.min(journal.seconds, budgetSeconds)),
    total: Math.ceil(budgetSeconds),
    etaSeconds: Math.max(0, budgetSeconds - journal.seconds),
    detail: `${search.now}: ${inner.stage}`,
  }));
  const task = { plan, text, subject, samples, probe, bundle, fp32Bytes };
  const search: Search = new Search(task, facts, budgetSeconds, { ...context, meter }, journal);
  const { tries, chosen, ...found } = await search.run();
  return {
    model: plan.model,
    recipe: plan.recipePath,
    target: plan.target,
    tries,
    chosen: chosen ? tries.indexOf(chosen) : null,
    text: chosen && candidateText(text, chosen),
    ...found,
    measuredOn: measuredOn(subject, samples, probe),
    machine: processor(),
    threads: plan.recipe.latency.threads,
    runtime: runtimeVersion(),
    fp32Bytes,
    budgetSeconds,
    seconds: journal.seconds,
  };
}

function factsOf({ recipe, parsed, traits, target }: Plan, subject: Subject): SearchFacts {
  const written = parsed.recipe!.quantization;
  const weightless = new Map<string, boolean>();
  for (const { unit, integer } of subject.everything.units) {
    const before = weightless.get(unit.sourceOp);
    if (unit.weight) weightless.set(unit.sourceOp, false);
    else if (integer && before !== false) weightless.set(unit.sourceOp, true);
  }
  return {
    modes: traits.modes,
    calibrated: recipe.calibration !== null,
    opsWithoutWeights: [...weightless].flatMap(([op, without]) => (without ? [op] : [])),
    activations: traits.activations,
    takesWide: holdsWide(traits),
    wantsHalf:
      recipe.limits.size_ratio !== undefined || target === 'nvidia-fp16' || target === 'tensorrt',
    own: written && written.mode !== 'auto' ? { ...written } : null,
  };
}

function keyOfSearch(
  plan: Plan,
  subject: Subject,
  samples: Awaited<ReturnType<typeof openSamples>>,
  facts: SearchFacts,
  own: Metric | null,
): string {
  const { calibration, evaluate, limits, latency, inputs, keepFp32, layers, sensitivity } =
    plan.recipe;
  return keyOf(
    'search',
    ENGINE_VERSION,
    runtimeVersion(),
    subject.key,
    processor(),
    [plan.target, facts, limits, latency, inputs, keepFp32, layers, sensitivity.samples],
    [calibration, evaluate, samples.calibration?.key ?? '', samples.evaluation?.key ?? ''],
    own?.key ?? null,
  );
}
