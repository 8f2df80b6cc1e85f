/** Mixed precision: which layers to keep in FP32 or give 16-bit activations, found by trying plans. */
import { expecting, paretoFront } from '../analyze/mixed-precision';
import { bestBySize, searchPlans, type Found } from '../analyze/plan-search';
import { VernierError } from '../errors';
import { sqnrDb } from '../numeric';
import type { MixedPlan, MixedPrecision, PlannedLayer } from '../results-mixed';
import { runtimeVersion } from '../runtime/session';
import type { JobHooks } from './context';
import { keepFound } from './kept';
import { processor } from './keys';
import type { Memory } from './memory';
import { choose } from './mixed/choose';
import { layerNoises, relative, sensitivities, takesWide } from './mixed/noises';
import { Timing } from './mixed/timing';
import { openTries, type Try } from './mixed/tries';
import { sourceBytes } from './model-bytes';
import { modeOf } from './modes';
import { openJob } from './open-job';
import type { Plan } from './plan';
import type { PlanRequest, RecipeRequest } from './protocol';
import { correctPartsStage } from './stages/correct';
import { layersAlone, layerSamplesFor } from './stages/layers';
import { Timings } from './stages/timings';
import { openStudy, type Study } from './study';
import { forgetUnfinished } from './unfinished';

const DEFAULTS = { layers: 8, budgetSeconds: 120 };
/**
 * Plans are compared on as many samples as cost this many multiply-accumulates, but on no more than so many: with 32
 * of mobilenet's a layer that brings 2.6 dB on all 200 seemed to bring 0.9.
 */
const PLAN_MACS = 8e9;
const MOST_SAMPLES = 192;
/** The search may take this share of the time that is left; the rest is for writing and timing what is chosen. */
const SEARCHED = 0.85;
const SEARCHED_TIMED = 0.5;
/** Plans of one size are enough at so many. */
const MOST_RUNS = 40;
/** Plans of one layer that are tried where it is not known yet how long one takes. */
const FIRST_RUNS = 12;

/**
 * Looks for plans: every layer alone, then by numbers of layers the best of those that are expected to do, each run as the
 * runtime executes it. What was measured is kept by its content, so that it goes on where it was stopped; the plans are kept
 * beside the recipe.
 * Throws `recipe.*`, `model.*`, `data.*`.
 */
export async function planRecipe(
  request: PlanRequest,
  memory: Memory,
  hooks: Pick<JobHooks, 'progress' | 'temporary'>,
  bundle: string,
): Promise<MixedPrecision> {
  const { plan, subject, context, notes } = await openJob(request, memory, hooks);
  const samples = layerSamplesFor(plan, subject, { macs: PLAN_MACS, most: MOST_SAMPLES });
  const study = await openStudy({ ...plan, layerSamples: samples }, subject, context);
  try {
    const found = { ...(await findPlans(study, request, bundle)), notes };
    await keepFound(context.store, 'plans', found, plan.parsed.doc.text, plan.model);
    await Timings.forget(context.store);
    return found;
  } finally {
    study.quantized.release();
  }
}

/** The same for a model that is ready. */
export async function findPlans(
  study: Study,
  {
    layers: most = DEFAULTS.layers,
    budgetSeconds = DEFAULTS.budgetSeconds,
    timed = true,
  }: Omit<PlanRequest, keyof RecipeRequest>,
  bundle: string,
): Promise<MixedPrecision> {
  const { plan, subject, context, evaluation } = study;
  const start = Date.now();
  const spent = () => (Date.now() - start) / 1000;
  const over = () => spent() > budgetSeconds;
  const budget = { ...plan.recipe.sensitivity, budgetSeconds: budgetSeconds / 2 };
  const task = { ...study, plan: { ...plan, recipe: { ...plan.recipe, sensitivity: budget } } };
  const wide = takesWide(plan);
  const aloneBiases = await correctPartsStage(study);
  if (aloneBiases) study.quantized.aloneBiases = aloneBiases;
  const alone = await layersAlone(task, true);
  const noises = layerNoises(study, alone, wide);
  if (noises.length === 0) throw nothingToPlan(plan);
  const tries = await openTries(study);
  const run = async (choices: PlannedLayer[], expected: number | null): Promise<Found<Try>> => {
    const value = await tries.run(choices);
    return { choices, expected, noise: relative(value.sums), value };
  };

  // 1. As the recipe says.
  await context.meter.begin('sensitivity', most, 'plans');
  const base = await run([], null);
  const basePlan = planOf(base);
  const plans = [basePlan];

  // 2. What is slower in INT8 here goes first, where the whole is faster with it in FP32.
  const timing = new Timing(study, bundle, context);
  const slower = timed && !over() ? await timing.slower(basePlan) : null;
  let faster: MixedPlan | null = null;
  let from = base;
  const slow = slowLayers(slower?.worth ?? [], new Set(noises.map((n) => n.layer)), most);
  if (slow.length > 0 && slow.length < noises.length) {
    const choices = slow.map((layer): PlannedLayer => ({ layer, precision: 'float32' }));
    const found = await run(choices, expecting(noises, [], base.noise)(choices));
    faster = planOf(found);
    plans.push(faster);
    await timing.check(faster, false);
    if (isFaster(faster, basePlan) && found.noise <= base.noise) from = found;
  }
  const made = new Map<Found<Try>, MixedPlan>([[base, basePlan]]);
  if (from !== base) made.set(from, faster!);

  // 3. Layer by layer, and in groups.
  await context.meter.begin('sensitivity', most, 'plans');
  const counted = { from: spent(), runs: 0 };
  const { found, stopped } = await searchPlans(noises, [from], {
    most,
    run: async (choices) => {
      if (over()) return null;
      counted.runs++;
      try {
        const { noise, value } = await run(choices, null);
        return { noise, value };
      } catch (error) {
        if (error instanceof VernierError && error.code === 'model.nothing-to-quantize') return;
        throw error;
      }
    },
    onSize: (size) => context.meter.step(Math.min(size, most), most, 'plans'),
    runs: (size) => {
      if (counted.runs === 0) return FIRST_RUNS;
      const each = (spent() - counted.from) / counted.runs;
      const left = (timed ? SEARCHED_TIMED : SEARCHED) * (budgetSeconds - spent());
      return Math.min(MOST_RUNS, left / (each * Math.max(1, most - size)));
    },
  });
  await forgetUnfinished(context.store, 'tries');
  for (const one of found) {
    if (made.has(one)) continue;
    const next = planOf(one);
    made.set(one, next);
    plans.push(next);
  }
  const chain = bestBySize(found).map((one) => made.get(one)!);
  for (const best of [basePlan, ...chain]) best.best = true;

  // 4. Which to take.
  const front = () => {
    const costs = plans.map((p) => ({
      noise: 10 ** (-p.measured.sqnrDb / 10),
      bytes: p.bytes,
      time: p.latency?.int8Ms ?? null,
    }));
    paretoFront(costs).forEach((pareto, i) => (plans[i]!.pareto = pareto));
  };
  front();
  const searched = found.map((one) => made.get(one)!);
  const limit = Math.min(most, noises.length - 1);
  const told = { study, plans, chain, searched, most: limit, faster };
  const chosen = await choose({ ...told, timing, timed, over });
  if (timed) {
    await context.meter.begin('latency', chain.length, 'plans');
    for (const [i, plan] of chain.entries()) {
      if (over()) break;
      if (!plan.latency) await timing.check(plan, false);
      await context.meter.step(i + 1, chain.length, 'plans');
    }
  }
  front();
  return {
    model: plan.model,
    recipe: plan.recipePath,
    target: plan.target,
    mode: plan.recipe.quantization.mode,
    layers: sensitivities(study, alone, noises, slower?.all ?? null),
    plans,
    recommended: plans.indexOf(chosen.plan),
    reason: chosen.reason,
    missed: chosen.plan.limits.filter(({ met }) => met === false),
    measuredOn: {
      samples: study.layerSamples.feeds.length,
      source: evaluation.source.name,
      heldBack: evaluation.heldBack,
      random: evaluation.source.random,
    },
    machine: processor(),
    runtime: runtimeVersion(),
    fp32Bytes: await sourceBytes(subject),
    seconds: spent(),
    stopped,
  };
}

function planOf({ choices, expected, value: { sums, bytes } }: Found<Try>): MixedPlan {
  return {
    choices,
    predictedDb: expected === null ? null : sqnrDb(1, expected),
    measured: sums.measures,
    bytes,
    latency: null,
    pareto: false,
    best: false,
    limits: [],
    accuracy: null,
  };
}

/** Layers that are slower in INT8, whole groups of them, the most to save first, at most so many. */
export function slowLayers(
  groups: readonly string[][],
  possible: ReadonlySet<string>,
  most: number,
): string[] {
  const slow: string[] = [];
  for (const group of groups) {
    const layers = group.filter((layer) => possible.has(layer) && !slow.includes(layer));
    if (slow.length + layers.length <= most) slow.push(...layers);
  }
  return slow;
}

function isFaster(a: MixedPlan, b: MixedPlan): boolean {
  return a.latency !== null && b.latency !== null && a.latency.speedup > b.latency.speedup;
}

function nothingToPlan(plan: Plan): VernierError {
  const { mode } = plan.recipe.quantization;
  return new VernierError(
    'model.nothing-to-quantize',
    'No layer is left in INT8 that a plan could take out, or none was measured in the time.',
    { file: plan.model, remedy: modeOf(mode).remedy },
  );
}
