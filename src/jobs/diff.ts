import { stat } from 'node:fs/promises';
import path from 'node:path';
import { diffModels, diffSide } from '../analyze/diff';
import { tensorErrors } from '../analyze/diff/tensors';
import { calibratedOnRandom } from '../analyze/random-calibration';
import { evaluate } from '../analyze/evaluate';
import { openData, spread, type Feed } from '../data';
import { VernierError } from '../errors';
import { loadModel, type Model } from '../onnx';
import { validateModel } from '../onnx/validate';
import type { DiffResult, Note } from '../results';
import { runnable } from '../quantize/runnable';
import type { JobHooks } from './context';
import { inputsOf } from './inputs';
import type { Memory } from './memory';
import { Meter } from './meter';
import { makePlan, readRecipe, type Plan } from './plan';
import { readByRecipe, refuseOverwriting, type ReadFiles } from './overwrites';
import { openGiven, timedModel } from './reference-model';
import { openSamples } from './samples';
import { latencyStage } from './stages/latency';
import { openSubject } from './subject';
import type { WrittenFile } from './written-file';

/** Two models, and on what they are compared. */
export interface DiffRequest {
  /** Absolute paths. */
  a: string;
  b: string;
  /** As in a recipe; random samples where it is left out. */
  data?: string[];
  /** Or what a recipe evaluates on: absolute path. */
  recipe?: string;
  samples?: number;
  /** Time both, too. */
  time?: boolean;
  /** Files that whoever asks makes of the answer. */
  writes?: readonly WrittenFile[];
}

/** Samples that both models run on. */
interface Shared {
  source: string;
  random: boolean;
  count: number;
  sample: (i: number) => Promise<Feed>;
}

const SAMPLES = 8;
/** Of a recipe's evaluation data at most so many: every inner tensor is looked at. */
const RECIPE_SAMPLES = 32;
const TIMING = { threads: 0, pairs: 120, seconds: 3 };

/**
 * Any two models side by side; writes nothing.
 * @param bundle the worker's own file, for the timing process
 * @throws VernierError `model.*` as loading does; `data.*` where data was given that does not fit; `recipe.*` of a recipe,
 * and for a file in `writes` that is read
 */
export async function diffFiles(
  request: DiffRequest,
  memory: Memory,
  hooks: JobHooks,
  bundle: string,
): Promise<DiffResult> {
  const meter = new Meter((progress) => hooks.progress(progress));
  await meter.begin('read', 1);
  const { recipe } = request;
  const plan = recipe === undefined ? null : await makePlan(recipe, await readRecipe(recipe));
  const [first, second] = [await read(request.a), await read(request.b)];
  await refuseOverwriting(readBy(request, [first, second], plan), request.writes ?? []);
  const side = async (model: Model, file: string) => diffSide(model, file, (await stat(file)).size);
  const base: DiffResult = {
    a: await side(first, request.a),
    b: await side(second, request.b),
    ...diffModels(first, second),
    outputs: [],
    tensors: [],
    comparedOn: null,
    latency: null,
    notes: [first, second].flatMap((model) => calibratedOnRandom(model)),
  };
  const [x, y] = [inputsOf(first), inputsOf(second)];
  const names = (inputs: typeof x) => inputs.map(({ name, type }) => `${name}: ${type}`).sort();
  if (names(x).join() !== names(y).join()) {
    const takes = (inputs: typeof x) => names(inputs).join(', ') || 'nothing';
    base.notes.push({
      code: 'other-inputs',
      severity: 'warning',
      message: `They take other inputs (${takes(x)}; ${takes(y)}), so they were not run on the same data.`,
    });
    return base;
  }
  try {
    const shared = await sharedSamples(request, plan, x, memory);
    await compare([first, second], shared, base, meter);
    const models = [runnable(first), runnable(second)] as const;
    base.tensors = await innerTensors(...models, shared, base, meter);
    if (request.time) {
      await meter.begin('latency', 1);
      base.latency = await latencyStage(bundle, {
        reference: timedModel(first, request.a),
        candidate: timedModel(second, request.b),
        feed: await shared.sample(0),
        settings: TIMING,
      });
    }
  } catch (error) {
    // random samples are our own idea: where they do not suit, the files are compared all the same
    if (request.data || request.recipe || !(error instanceof VernierError)) throw error;
    base.notes.push(notRun(error));
  }
  return base;
}

function readBy(
  { a, data = [] }: DiffRequest,
  both: readonly Model[],
  plan: Plan | null,
): ReadFiles {
  const given = { what: 'data', named: data, baseDir: path.dirname(a) };
  const more = plan && readByRecipe(plan);
  return {
    models: [...both, ...(more?.models ?? [])],
    files: more?.files ?? [],
    data: [given, ...(more?.data ?? [])],
  };
}

async function read(file: string): Promise<Model> {
  const model = await loadModel(file);
  validateModel(model);
  return model;
}

/** The samples of the request: of its data, of its recipe, or random ones. */
async function sharedSamples(
  request: DiffRequest,
  plan: Plan | null,
  inputs: ReturnType<typeof inputsOf>,
  memory: Memory,
): Promise<Shared> {
  if (plan) return samplesOfRecipe(request, plan, memory);
  const data = await openData({
    data: request.data ?? ['random'],
    seed: 0,
    samples: request.samples ?? SAMPLES,
    baseDir: path.dirname(request.a),
    inputs,
    inputShapes: {},
  });
  const indices = spread(data.count, request.samples ?? data.count);
  return {
    source: data.name,
    random: data.random,
    count: indices.length,
    sample: (i) => data.sample(indices[i]!),
  };
}

/** What a recipe evaluates on, prepared as it says. */
async function samplesOfRecipe(
  { samples }: DiffRequest,
  plan: Plan,
  memory: Memory,
): Promise<Shared> {
  const { evaluation } = await openSamples(plan, await openSubject(plan.model, memory));
  if (!evaluation)
    throw new VernierError('recipe.schema', 'The recipe names no data to compare on.', {
      file: plan.recipePath,
      remedy: 'Add evaluate: { data: … } to it, or compare on --data PATH.',
    });
  const { source, indices } = evaluation;
  const positions = spread(indices.length, samples ?? RECIPE_SAMPLES);
  return {
    source: source.name,
    random: source.random,
    count: positions.length,
    sample: (i) => source.sample(indices[positions[i]!]!),
  };
}

/** Fills in the outputs of both on the same samples. */
async function compare(
  [first, second]: readonly [Model, Model],
  { source, random, count, sample }: Shared,
  into: DiffResult,
  meter: Meter,
): Promise<void> {
  await meter.begin('evaluate', count);
  const reference = await openGiven(first);
  try {
    const other = await openGiven(second);
    try {
      const { outputs } = await evaluate(
        other,
        (_, feed) => reference.run(feed),
        { count, sample, labels: null },
        null,
        (done) => meter.step(done, count),
      );
      into.outputs = outputs;
      into.comparedOn = { samples: count, source, random };
    } finally {
      await other.release();
    }
  } finally {
    await reference.release();
  }
  if (random)
    into.notes.push({
      code: 'random-data',
      severity: 'warning',
      message: 'Compared on random data: what it says of real inputs is not known.',
      remedy: 'Give real samples: --data PATH, or --recipe FILE.',
    });
}

/** Inner tensors side by side; where a model cannot be read inside, that is said and all the rest stands. */
async function innerTensors(
  first: Model,
  second: Model,
  { count, sample }: Shared,
  { notes }: DiffResult,
  meter: Meter,
): Promise<DiffResult['tensors']> {
  await meter.begin('layer errors', count);
  async function* each(): AsyncGenerator<Feed> {
    for (let i = 0; i < count; i++) {
      yield await sample(i);
      await meter.step(i + 1, count);
    }
  }
  try {
    return await tensorErrors(first, second, each);
  } catch (error) {
    if (!(error instanceof VernierError) || !error.code.startsWith('model.')) throw error;
    notes.push({
      code: 'inner-not-compared',
      severity: 'info',
      message: `Their inner tensors were not compared: ${error.message}`,
    });
    return [];
  }
}

function notRun({ message }: VernierError): Note {
  return {
    code: 'not-compared',
    severity: 'warning',
    message: `Their outputs were not compared: ${message}`,
    remedy: 'Give samples: --data PATH.',
  };
}
