/** Mixed precision: which layers to keep in FP32 or give 16-bit activations, found by trying plans. */
import { cpus } from 'node:os';
import { evaluate, metricFor } from '../analyze/evaluate';
import { experimentName } from '../analyze/grouped-sensitivity';
import {
  nextSteps,
  noiseSum,
  paretoFront,
  WORTH_A_LAYER_DB,
  worthwhile,
  type LayerNoise,
} from '../analyze/mixed-precision';
import { OutputSums, type OutputSumsData } from '../analyze/output-sums';
import { wholeSums } from '../analyze/sensitivity';
import { VernierError } from '../errors';
import { sqnrDb } from '../numeric';
import { GraphIndex, serializeModel } from '../onnx';
import { whyNotWide } from '../quantize/wide';
import type { LimitResult } from '../results';
import type { LayerSensitivity, MixedPlan, MixedPrecision, PlannedLayer } from '../results-mixed';
import { runtimeVersion } from '../runtime/session';
import type { JobContext, JobHooks } from './context';
import { emptyResult, fillEvaluation } from './fill';
import { ENGINE_VERSION, keyOf } from './keys';
import { checkLimits } from './limits';
import type { Memory } from './memory';
import { Meter } from './meter';
import { sourceBytes, writtenBytes } from './model-bytes';
import { modeOf } from './modes';
import type { Plan } from './plan';
import type { PlanRequest, RecipeRequest } from './protocol';
import { layersAlone } from './stages/layers';
import { openProbe } from './stages/probe';
import type { Quantized } from './stages/quantize';
import { timeStage } from './stages/time';
import { verifyStage } from './stages/verify';
import { writeStage } from './stages/write';
import { openJob } from './open-job';
import { openStudy, type Study } from './study';
import { inTrialFile } from './trial';

const DEFAULTS = { layers: 8, budgetSeconds: 120 };
/** So many next layers are tried at each step, where one could do by what is expected. */
const TRIED = 3;
/** A further layer must take away this share of the noise. */
const LEAST_GAIN = 0.005;

/** What a plan gave when it was run. */
interface Try {
  sums: OutputSums;
  bytes: number;
}

/**
 * Looks for plans: every layer alone, then layer by layer the best next one of a few, each run as the runtime executes it.
 * What was measured is kept by its content, so that it goes on where it was stopped.
 * Throws `recipe.*`, `model.*`, `data.*`.
 */
export async function planRecipe(
  request: PlanRequest,
  memory: Memory,
  hooks: Pick<JobHooks, 'progress' | 'temporary'>,
  bundle: string,
): Promise<MixedPrecision> {
  const { plan, subject, context } = await openJob(request, memory, hooks);
  const study = await openStudy(plan, subject, context);
  try {
    return await findPlans(study, request, bundle);
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
  const over = () => (Date.now() - start) / 1000 > budgetSeconds;
  const budget = { ...plan.recipe.sensitivity, budgetSeconds: budgetSeconds / 2 };
  const task = {
    ...study,
    plan: { ...plan, recipe: { ...plan.recipe, sensitivity: budget } },
    evaluationKey: evaluation.key,
  };
  const wide = takesWide(plan);
  const alone = await layersAlone(task, true);
  const noises = layerNoises(study, alone, wide);
  if (noises.length === 0) throw nothingToPlan(plan);
  const tries = await openTries(study);
  const plans: MixedPlan[] = [];
  const add = (choices: PlannedLayer[], predictedDb: number | null, { sums, bytes }: Try) => {
    const made: MixedPlan = {
      choices,
      predictedDb,
      measured: sums.measures,
      bytes,
      latency: null,
      pareto: false,
      best: false,
      limits: [],
      accuracy: null,
    };
    plans.push(made);
    return made;
  };

  // 1. As the recipe says.
  await context.meter.begin('sensitivity', most, 'plans');
  const first = await tries.run([]);
  const chain = [add([], null, first)];
  let at: { choices: PlannedLayer[]; noise: number } = { choices: [], noise: relative(first.sums) };

  // 2. What is slower in INT8 here goes first.
  const timing = new Timing(study, bundle, context);
  const slower = timed && !over() ? await timing.slower(chain[0]!) : null;
  const slow = (slower ?? []).filter((layer) => noises.some((n) => n.layer === layer));
  let faster: MixedPlan | null = null;
  if (slow.length > 0 && slow.length < noises.length) {
    const choices = slow.map((layer): PlannedLayer => ({ layer, precision: 'float32' }));
    const sum = noiseSum(noises, []);
    const expected = sum > 0 ? (at.noise * noiseSum(noises, choices)) / sum : at.noise;
    faster = add(choices, sqnrDb(1, expected), await tries.run(choices));
  }

  // 3. Layer by layer, the best of a few.
  let stopped = false;
  while (at.choices.length < Math.min(most, noises.length - 1)) {
    let best: { made: MixedPlan; noise: number } | null = null;
    for (const { choice, expected } of nextSteps(noises, at.choices, at.noise, TRIED)) {
      if ((stopped = over())) break;
      const choices = [...at.choices, choice];
      const tried = await tries.run(choices);
      const made = add(choices, sqnrDb(1, expected), tried);
      const noise = relative(tried.sums);
      if (best === null || noise < best.noise) best = { made, noise };
    }
    if (!best || best.noise > at.noise * (1 - LEAST_GAIN)) break;
    at = { choices: best.made.choices, noise: best.noise };
    chain.push(best.made);
    await context.meter.step(at.choices.length, most, 'plans');
  }
  await tries.save();
  for (const made of chain) made.best = true;

  // 4. Which to take.
  const chosen = await choose(study, chain, faster, timing, timed, over);
  const costs = plans.map((p) => ({
    noise: 10 ** (-p.measured.sqnrDb / 10),
    bytes: p.bytes,
    time: p.latency?.int8Ms ?? null,
  }));
  paretoFront(costs).forEach((front, i) => (plans[i]!.pareto = front));
  return {
    model: plan.model,
    recipe: plan.recipePath,
    target: plan.target,
    mode: plan.recipe.quantization.mode,
    layers: sensitivities(study, alone, noises, slower),
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
    machine: cpus()[0]?.model ?? process.arch,
    runtime: runtimeVersion(),
    fp32Bytes: await sourceBytes(subject),
    seconds: (Date.now() - start) / 1000,
    stopped,
  };
}

/** The same recipe with these layers taken out of INT8. */
export function withChoices(plan: Plan, choices: readonly PlannedLayer[]): Plan {
  const { recipe } = plan;
  const kept = choices.filter((c) => c.precision === 'float32').map((c) => c.layer);
  const wide = choices.filter((c) => c.precision === 'int16').map((c) => c.layer);
  return {
    ...plan,
    recipe: {
      ...recipe,
      keepFp32: [...recipe.keepFp32, ...kept],
      layers: [...recipe.layers, ...wide.map((match) => ({ match, precision: 'int16' as const }))],
    },
  };
}

/** True where the file of a recipe can hold 16-bit activations. */
function takesWide({ recipe, traits, wideType }: Plan): boolean {
  const family = traits.family === 'cpu' || traits.family === 'onnx';
  return recipe.quantization.mode === 'static' && family && wideType === null;
}

function relative(sums: OutputSums): number {
  const { signal, noise } = sums.noise;
  return signal > 0 ? noise / signal : 0;
}

function layerNoises(
  { subject, quantized }: Study,
  alone: ReadonlyMap<string, OutputSums>,
  wide: boolean,
): LayerNoise[] {
  const index = new GraphIndex(subject.prepared.graph);
  const byOutput = new Map(subject.units.map((u) => [u.output, u.name]));
  const passes = new Set(quantized.placement?.passthrough ?? []);
  /** The layer whose codes a tensor is, through nodes that only move them. */
  const giver = (tensor: string): string | null => {
    const layer = byOutput.get(tensor);
    if (layer !== undefined) return layer;
    const node = index.producer(tensor);
    return node && passes.has(node) ? giver(node.input[0]!) : null;
  };
  return quantized.units.flatMap(({ unit, integer, precision }): LayerNoise[] => {
    const whole = alone.get(unit.name);
    if (!integer || precision === 'int16' || !whole) return [];
    const total = relative(whole);
    const own = alone.get(experimentName({ unit, parts: 'weights' }));
    const weights = own ? Math.min(total, relative(own)) : 0;
    return [
      {
        layer: unit.name,
        weights,
        inputs: total - weights,
        givenBy: unit.inputs.map(giver),
        wide: wide && whyNotWide(unit) === null,
      },
    ];
  });
}

function sensitivities(
  { quantized }: Study,
  alone: ReadonlyMap<string, OutputSums>,
  noises: readonly LayerNoise[],
  slower: readonly string[] | null,
): LayerSensitivity[] {
  const total = noises.reduce((sum, n) => sum + n.weights + n.inputs, 0);
  const byName = new Map(noises.map((n) => [n.layer, n]));
  return quantized.units.flatMap(({ unit }): LayerSensitivity[] => {
    const noise = byName.get(unit.name);
    if (!noise) return [];
    const measures = alone.get(unit.name)!.measures;
    const part = (parts: 'weights' | 'activations') =>
      alone.get(experimentName({ unit, parts }))?.measures.sqnrDb ?? null;
    return [
      {
        layer: unit.name,
        op: unit.sourceOp,
        onlyThisDb: measures.sqnrDb,
        weightsDb: part('weights'),
        activationsDb: part('activations'),
        cosine: measures.cosine,
        klNats: measures.klNats,
        sameLabel: measures.sameLabel,
        noiseShare: total > 0 ? (noise.weights + noise.inputs) / total : null,
        slower: slower?.includes(unit.name) ?? null,
      },
    ];
  });
}

/** Plans that were run, remembered beside the recipe by all that they depend on. */
async function openTries(study: Study) {
  const { plan, subject, calibrated, samples, quantized, layerSamples, exact, context } = study;
  const key = keyOf(
    'tries',
    ENGINE_VERSION,
    runtimeVersion(),
    subject.key,
    calibrated?.key ?? null,
    study.evaluation.key,
    plan.target,
    plan.activationType,
    plan.headroom,
    [plan.recipe.quantization, plan.recipe.keepFp32, plan.recipe.layers],
    layerSamples.positions,
  );
  type Stored = [string, OutputSumsData, number][];
  const stored = (await context.store.read<Stored>(`tries.${key}`)) ?? [];
  const known = new Map(
    stored.map(([name, data, bytes]): [string, Try] => [
      name,
      { sums: OutputSums.fromData(data), bytes },
    ]),
  );
  let saved = Date.now();
  const save = async () => {
    saved = Date.now();
    const all = [...known].map(([n, t]): Stored[number] => [n, t.sums.toData(), t.bytes]);
    await context.store.write(`tries.${key}`, all);
  };
  const measure = async ({ model }: Quantized): Promise<Try> => ({
    sums: await wholeSums(model, layerSamples.feeds, exact),
    bytes: serializeModel(model).length,
  });
  const measureOther = async (choices: readonly PlannedLayer[]): Promise<Try> => {
    const made = await writeStage(
      withChoices(plan, choices),
      subject,
      samples.calibration,
      calibrated,
      quiet(context),
      new Set(choices.filter((c) => c.precision === 'float32').map((c) => c.layer)),
    );
    return measure(made).finally(() => made.release());
  };
  const run = async (choices: readonly PlannedLayer[]): Promise<Try> => {
    const name = choices
      .map((c) => `${c.precision} ${c.layer}`)
      .sort()
      .join('\n');
    const before = known.get(name);
    if (before) return before;
    const tried = choices.length === 0 ? await measure(quantized) : await measureOther(choices);
    known.set(name, tried);
    if (Date.now() - saved > 1000) await save();
    return tried;
  };
  return { run, save };
}

/** The same context for steps within a step: their progress is no one's. */
function quiet(context: JobContext): JobContext {
  return { ...context, meter: new Meter(() => undefined) };
}

/** Times plans, and finds what is slower in INT8 here. */
class Timing {
  constructor(
    private readonly study: Study,
    private readonly bundle: string,
    private readonly context: JobContext,
  ) {}

  /** Layers whose INT8 kernels take longer than FP32's; null where nothing could be timed. */
  async slower(made: MixedPlan): Promise<string[] | null> {
    await this.check(made, false);
    const layers = made.latency?.profile?.layers;
    return layers ? layers.filter((l) => l.slower).map((l) => l.group) : null;
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
    const { subject, samples, evaluation, reference } = study;
    const probe = await openProbe(plan, subject, samples, context);
    const { output, target } = plan;
    const verified = await verifyStage(subject, quantized, output, probe, [], context, target);
    const found = emptyResult(plan, subject, plan.recipePath);
    try {
      made.bytes = await writtenBytes(output, verified.data);
      if (whole) {
        await context.meter.begin('evaluate', evaluation.indices.length);
        const result = await evaluate(
          await verified.open(),
          (i, feed) => reference.of(i, feed),
          {
            count: evaluation.indices.length,
            sample: (i) => evaluation.source.sample(evaluation.indices[i]!),
            labels: evaluation.labels,
          },
          metricFor(plan.recipe.evaluate?.metric ?? null, evaluation.labels),
          (done) => context.meter.step(done, evaluation.indices.length),
        );
        fillEvaluation(found, result, evaluation);
        made.accuracy = result.accuracy;
      }
    } finally {
      await verified.release();
    }
    if ('feed' in probe && !made.latency)
      made.latency = await timeStage(
        plan,
        subject,
        verified.optimized,
        probe.feed,
        bundle,
        context,
      );
    const size = { fp32: await sourceBytes(subject), int8: made.bytes, parts: [] };
    if (whole)
      made.limits = checkLimits(plan.recipe.limits, { ...found, latency: made.latency, size });
  }
}

/**
 * The plan to take: with limits the one of fewest layers that meets them all, or that which misses fewest; without, as far
 * along the chain as a layer is worth it.
 */
async function choose(
  study: Study,
  chain: readonly MixedPlan[],
  faster: MixedPlan | null,
  timing: Timing,
  timed: boolean,
  over: () => boolean,
): Promise<{ plan: MixedPlan; reason: string }> {
  const limits = Object.keys(study.plan.recipe.limits);
  const missing = (p: MixedPlan): LimitResult[] => p.limits.filter(({ met }) => met === false);
  if (limits.length > 0) {
    const order = faster ? [chain[0]!, faster, ...chain.slice(1)] : [...chain];
    let closest: MixedPlan | null = null;
    for (const plan of order) {
      if (closest && over()) break;
      await timing.check(plan, true);
      if (missing(plan).length === 0)
        return { plan, reason: `it meets the limits with ${count(plan)} out of INT8` };
      if (!closest || isCloser(missing(plan), missing(closest))) closest = plan;
    }
    const missed = missing(closest!).map(
      (l) => `${l.limit} is ${short(l.got!)}, wanted ${l.wanted}`,
    );
    return {
      plan: closest!,
      reason: `no plan that was tried meets the limits; closest, with ${count(closest!)} out of INT8: ${missed.join(', ')}`,
    };
  }
  const at = worthwhile(chain.map((p) => p.measured.sqnrDb));
  const plan = chain[at]!;
  if (timed && !over()) {
    await timing.check(plan, true);
    if (faster && !over()) await timing.check(faster, false);
  }
  const gain = plan.measured.sqnrDb - chain[0]!.measured.sqnrDb;
  return {
    plan,
    reason:
      at === 0
        ? `no layer out of INT8 brings ${WORTH_A_LAYER_DB} dB`
        : `${count(plan)} out of INT8 bring ${gain.toFixed(1)} dB; a further one brings less than ${WORTH_A_LAYER_DB} dB`,
  };
}

/** Fewer limits missed, or as many by less. */
function isCloser(a: readonly LimitResult[], b: readonly LimitResult[]): boolean {
  const by = (all: readonly LimitResult[]) =>
    all.reduce(
      (sum, l) => sum + Math.abs(l.got! - l.wanted) / Math.max(Math.abs(l.wanted), 1e-9),
      0,
    );
  return a.length < b.length || (a.length === b.length && by(a) < by(b));
}

const count = ({ choices }: MixedPlan) =>
  choices.length === 1 ? '1 layer' : `${choices.length} layers`;

const short = (value: number) => String(Number(value.toPrecision(4)));

function nothingToPlan(plan: Plan): VernierError {
  const { mode } = plan.recipe.quantization;
  return new VernierError(
    'model.nothing-to-quantize',
    'No layer is left in INT8 that a plan could take out, or none was measured in the time.',
    { file: plan.model, remedy: modeOf(mode).remedy },
  );
}
