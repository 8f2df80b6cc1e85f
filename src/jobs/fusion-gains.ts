/** What the runtime's fusions gain in a model: it is timed without one optimizer after the other. */
import path from 'node:path';
import { comeApart, optimizersOf, type Optimizer } from '../analyze/fusions/gains';
import type { Look } from '../analyze/look';
import { openData, type Feed } from '../data';
import type { Model } from '../onnx';
import type {
  FusionCandidate,
  FusionGain,
  FusionMeasurement,
  FusionTimes,
  LatencyResult,
} from '../results';
import type { Optimizing } from '../runtime/latency';
import { optimizedGraph } from '../runtime/optimized';
import { runtimeVersion } from '../runtime/session';
import { inputsOf } from './inputs';
import { processor } from './keys';
import { Memory } from './memory';
import type { Meter } from './meter';
import { makePlan, readRecipe } from './plan';
import { openSamples } from './samples';
import { latencyStage, PROCESSES } from './stages/latency';
import { openSubject } from './subject';

/** On what, and for how long. */
export interface MeasureRequest {
  /** As in a recipe; a random sample where it is left out. */
  data?: readonly string[];
  /** Of both sessions; 0, the runtime's default, where it is left out. */
  threads?: number;
  /** For each optimizer. */
  seconds?: number;
  /** Or a recipe, whose calibration data it is. */
  recipe?: { recipePath: string; text?: string };
  /** Path of the recipe beside which the result is kept. */
  kept?: string;
}

/** A file whose fusions are known. */
interface Subject {
  file: string;
  model: Model;
  look: Look;
  /** What was said of it, and the same settled by the runtime's graph. */
  said: readonly FusionCandidate[];
  fusions: readonly FusionCandidate[];
  executed: Model;
}

const SECONDS = 3;
const PAIRS = 60;

/**
 * 1. For each optimizer that may have made what is done, the graph that the runtime makes without it. Where nothing comes
 *    apart it had no part in it, or another does its work then, and there is nothing to time.
 * 2. Each of the others, and all optimization at once, is timed with and without in interleaved runs, in processes in which
 *    only these two sessions are alive.
 * @param bundle the worker's own file
 * @throws VernierError `data.*` where the data does not fit; `model.*` where the model does not run on it
 */
export async function measureGains(
  subject: Subject,
  request: MeasureRequest,
  meter: Meter,
  bundle: string,
): Promise<FusionMeasurement> {
  const { threads = 0, seconds = SECONDS } = request;
  const sample = await sampleFor(subject, request);
  const optimizers = optimizersOf(subject.fusions);
  await meter.begin('read', optimizers.length);
  const apart: { optimizer: Optimizer; graph: Model; patterns: FusionGain['patterns'] }[] = [];
  for (const [i, optimizer] of optimizers.entries()) {
    const { graph, patterns } = await graphWithout(subject, optimizer);
    if (patterns.length > 0) apart.push({ optimizer, graph, patterns });
    await meter.step(i + 1, optimizers.length, optimizer.name);
  }
  const total = (apart.length + 1) * PROCESSES;
  await meter.begin('latency', total);
  const timed = async (without: Optimizing, at: number, what: string) => {
    const settings = { threads, seconds, pairs: PAIRS, sessions: { reference: without } };
    const task = { reference: subject.file, candidate: subject.file, feed: sample.feed, settings };
    const step = (done: number) => meter.step(at * PROCESSES + done, total, what);
    return latencyStage(bundle, task, step);
  };
  const bare = await optimizedGraph(subject.file, { optimization: 'disabled' });
  const whole = await timed({ optimization: 'disabled' }, 0, 'all');
  const gains: FusionGain[] = [];
  for (const [i, { optimizer, graph, patterns }] of apart.entries()) {
    const { name, registered, level } = optimizer;
    const latency = await timed({ withoutOptimizers: registered }, i + 1, name);
    gains.push({ optimizer: name, level, patterns, ...timesOf(latency, graph, subject.executed) });
  }
  const measured = new Set(gains.map(({ optimizer }) => optimizer));
  return {
    model: subject.file,
    data: sample.source,
    random: sample.random,
    threads,
    machine: processor(),
    runtime: runtimeVersion(),
    whole: timesOf(whole, bare, subject.executed),
    gains: gains.sort((a, b) => b.times - a.times),
    idle: optimizers.flatMap(({ name }) => (measured.has(name) ? [] : [name])),
  };
}

/** The runtime's graph without an optimizer, and what comes apart in it. */
async function graphWithout({ file, look, said, fusions }: Subject, { registered }: Optimizer) {
  const withoutOptimizers = registered;
  const graph = await optimizedGraph(file, { withoutOptimizers });
  const extended = await optimizedGraph(file, { withoutOptimizers, optimization: 'extended' });
  const patterns = comeApart(said, fusions, look.source, { all: graph, extended });
  return { graph, patterns };
}

function timesOf(latency: LatencyResult, without: Model, executed: Model): FusionTimes {
  const { fp32Ms, int8Ms, speedup, low, high, pairs } = latency;
  return {
    nodes: { without: without.graph.node.length, with: executed.graph.node.length },
    withoutMs: fp32Ms,
    withMs: int8Ms,
    times: speedup,
    low,
    high,
    pairs,
  };
}

async function sampleFor(
  { file, model }: Subject,
  { data, recipe }: MeasureRequest,
): Promise<{ feed: Feed; source: string; random: boolean }> {
  const own = recipe && !data ? await sampleOfRecipe(recipe) : null;
  if (own) return own;
  const source = await openData({
    data: [...(data ?? ['random'])],
    seed: 0,
    samples: 1,
    baseDir: path.dirname(file),
    inputs: inputsOf(model),
    inputShapes: {},
  });
  return { feed: await source.sample(0), source: source.name, random: source.random };
}

/** The first sample that a recipe calibrates or else evaluates on; null where it names none. */
async function sampleOfRecipe({ recipePath, text }: NonNullable<MeasureRequest['recipe']>) {
  const plan = await makePlan(recipePath, text ?? (await readRecipe(recipePath)));
  const samples = await openSamples(plan, await openSubject(plan.model, new Memory()));
  const selection = samples.calibration ?? samples.evaluation;
  if (!selection) return null;
  const { source, indices } = selection;
  return { feed: await source.sample(indices[0]!), source: source.name, random: source.random };
}
