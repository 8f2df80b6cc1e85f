import { VernierError } from '../../errors';
import {
  accumulatedErrors,
  localErrors,
  twinErrors,
  type AccumulatedError,
  type LocalError,
} from '../../analyze/layer-errors';
import {
  experimentName,
  experimentsWith,
  groupedSensitivity,
  groupLayers,
  type Begun,
  type GroupLoop,
  type Measured,
} from '../../analyze/grouped-sensitivity';
import {
  noiseDb,
  OutputSums,
  type ExactOutputs,
  type OutputSumsData,
} from '../../analyze/output-sums';
import { eachLayer, outputNoise, wholeSums } from '../../analyze/sensitivity';
import { floatsOf, spread, type Feed } from '../../data';
import type { UnitPlacement } from '../../quantize/placement';
import { integerInputs, type Unit } from '../../quantize/units';
import type { JobContext } from '../context';
import { forcedLayers } from '../forced';
import { ENGINE_VERSION, keyOf } from '../keys';
import type { Plan } from '../plan';
import type { Selection } from '../samples';
import { everythingFor, totalMacs, type Subject } from '../subject';
import type { Calibrated } from './calibrate';
import type { Reference } from './evaluate';
import { modeOf } from '../modes';
import { isRecurrent } from '../../quantize/recurrent';
import { experimentSettings, quantizeStage, type Quantized } from './quantize';

/** Layers whose own noise is below this share are not worth a run that keeps just them. */
const WORTH_KEEPING = 0.01;
/** And of the others at most this many. */
const MOST_KEPT = 12;

/** The samples of the layer analysis, in memory: few enough to be. */
export interface LayerSamples {
  feeds: Feed[];
  /** Their indices in the evaluation set. */
  positions: number[];
}

/** Layers are judged on as many samples as cost this many multiply-accumulates in FP32, */
const SAMPLE_MACS = 4e9;
/** but on no fewer than these. */
const FEWEST_SAMPLES = 4;

/**
 * Picks the samples on which layers are judged: as many as the recipe says, or by default fewer for a large model,
 * so that looking at every layer stays a matter of seconds. The number depends on nothing but recipe and model.
 */
export async function pickLayerSamples(
  plan: Plan,
  subject: Subject,
  selection: Selection,
): Promise<LayerSamples> {
  const most = plan.recipe.sensitivity.samples;
  const count = layerSamplesFor(plan, subject, { macs: SAMPLE_MACS, most });
  const positions = spread(selection.indices.length, count);
  const feeds: Feed[] = [];
  for (const i of positions) feeds.push(await selection.source.sample(selection.indices[i]!));
  return { feeds, positions };
}

/** As many samples as the recipe says, or as cost so many multiply-accumulates, and of these no more than `most`. */
export function layerSamplesFor(
  plan: Plan,
  subject: Subject,
  { macs, most }: { macs: number; most: number },
): number {
  const each = totalMacs(subject);
  const affordable = each > 0 ? Math.max(FEWEST_SAMPLES, Math.floor(macs / each)) : Infinity;
  return plan.layerSamples ?? Math.min(most, affordable);
}

/** Everything by which experiments with single layers are remembered: not what is kept. */
function experimentKey(
  plan: Plan,
  subject: Subject,
  calibrated: Calibrated | null,
  quantized: Quantized,
  evaluationKey: string,
  samples: LayerSamples,
): string {
  const { quantization, layers } = plan.recipe;
  return keyOf(
    'experiment-5',
    ENGINE_VERSION,
    subject.key,
    calibrated?.key ?? null,
    evaluationKey,
    quantization,
    plan.activationType,
    plan.headroom,
    plan.wideType,
    layers.map((l) => [l.match, l.observer, l.weights, l.activations, l.precision === 'int16']),
    samples.positions,
    // each layer is corrected for itself, where a correction is known
    quantized.aloneBiases !== undefined,
  );
}

/** Local errors, remembered: they do not depend on what is kept. Empty in modes that have no twins. */
export function localStage(
  plan: Plan,
  subject: Subject,
  calibrated: Calibrated | null,
  quantized: Quantized,
  samples: LayerSamples,
  evaluationKey: string,
  context: JobContext,
): Promise<Map<string, LocalError>> {
  const mode = modeOf(plan.recipe.quantization.mode);
  if (mode.experiments === 'twin' ? !calibrated : !mode.localModel)
    return Promise.resolve(new Map<string, LocalError>());
  const key = experimentKey(plan, subject, calibrated, quantized, evaluationKey, samples);
  return context.memory.get('local', key, async () => {
    const name = `local-noise.${key}`;
    const stored = await context.store.read<[string, LocalError][]>(name);
    if (stored) return new Map(stored);
    const total = samples.feeds.length;
    await context.meter.begin('layer errors', total);
    const step = (done: number) => context.meter.step(done, total);
    const errors = mode.localModel
      ? await twinErrors(
          mode.localModel({
            plan,
            subject,
            calibrated,
            keep: new Set(),
            wishes: quantized.wishes,
            corrected: null,
          }),
          each(samples.feeds),
          step,
        )
      : await localErrors(
          subject.prepared,
          experimentUnits(plan, subject, quantized),
          experimentSettings(plan, subject, calibrated, quantized),
          each(samples.feeds),
          step,
        );
    await context.store.write(name, [...errors]);
    return errors;
  });
}

/** Error of each layer's output in the written model. */
export async function accumulatedStage(
  subject: Subject,
  quantized: Quantized,
  executed: ReadonlyMap<string, unknown>,
  samples: LayerSamples,
  context: JobContext,
): Promise<Map<string, AccumulatedError>> {
  const total = samples.feeds.length;
  await context.meter.begin('layer errors', total);
  const written = new Set(quantized.model.graph.node.map((n) => n.name));
  // a recurrent layer that was taken apart is no node of that name any more; its results still are
  const layers = subject.units.filter(
    (u) => executed.has(u.name) && (written.has(u.node.name) || isRecurrent(u.node)),
  );
  return accumulatedErrors(
    subject.prepared,
    quantized.model,
    layers,
    (tensor) => quantized.codesOf(tensor),
    () => each(samples.feeds),
    (done) => context.meter.step(done, total),
  );
}

/** What each layer does to the outputs when only it is quantized; resumes where an earlier run stopped. */
export async function sensitivityStage(
  plan: Plan,
  subject: Subject,
  calibrated: Calibrated | null,
  quantized: Quantized,
  samples: LayerSamples,
  exact: ExactOutputs,
  evaluationKey: string,
  context: JobContext,
): Promise<Measured> {
  const study = { plan, subject, calibrated, quantized, layerSamples: samples, exact, context };
  return layersAlone({ ...study, evaluationKey }, false);
}

/** What is needed to try layers alone. */
export interface AloneTask {
  plan: Plan;
  subject: Subject;
  calibrated: Calibrated | null;
  quantized: Quantized;
  layerSamples: LayerSamples;
  exact: ExactOutputs;
  evaluationKey: string;
  context: JobContext;
}

/**
 * What each layer does to the outputs when it alone is quantized, by {@link experimentName}: what was measured within the
 * recipe's budget. It is stored every second by the content of all that it depends on, and goes on from there.
 * @param withParts its weights alone and its activations alone, too
 */
export async function layersAlone(task: AloneTask, withParts: boolean): Promise<Measured> {
  const { plan, subject, calibrated, quantized, layerSamples, exact, context } = task;
  const key = experimentKey(plan, subject, calibrated, quantized, task.evaluationKey, layerSamples);
  const name = `sensitivity.${key}`;
  const stored = await context.store.read<StoredSums>(name);
  const known = sumsOf(stored?.measured ?? []);
  let begun: Begun | null = stored?.begun
    ? { samples: stored.begun.samples, sums: sumsOf(stored.begun.sums) }
    : null;
  const write = () =>
    context.store.write(name, {
      measured: dataOf(known),
      begun: begun && { samples: begun.samples, sums: dataOf(begun.sums) },
    } satisfies StoredSums);
  let saved = Date.now();
  const save = async () => {
    if (Date.now() - saved < 1000) return;
    saved = Date.now();
    await write();
  };
  const { budgetSeconds } = plan.recipe.sensitivity;
  const loop: GroupLoop = {
    budgetSeconds,
    known: new Map(known),
    begun,
    onBegun: (group) => {
      begun = group;
      return save();
    },
    onMeasured: (layer, sums) => {
      known.set(layer, sums);
    },
    onStep: () => context.meter.breathe(),
    onLayer: async (done, total) => {
      await context.meter.step(done, total);
      await save();
    },
  };
  const units = experimentUnits(plan, subject, quantized).filter((u) => u.integer);
  const experiments = experimentsWith(
    units.map((u) => u.unit),
    withParts,
  );
  const before = experiments.filter((e) => known.has(experimentName(e))).length;
  await context.meter.begin('sensitivity', experiments.length, undefined, before);
  // A layer that the recipe keeps is kept here too: there is nothing to try.
  const rewriting = (layers: readonly UnitPlacement[]) =>
    eachLayer(
      layers.map((u) => u.unit.name).filter((layer) => !quantized.wishes.get(layer)?.keep),
      loop,
      async (layer) => {
        const others = new Set(subject.units.map((u) => u.name).filter((n) => n !== layer));
        const alone = await quantizeAlone(plan, subject, calibrated, others);
        if (!alone) return exactSums(exact);
        const sums = wholeSums(alone.model, layerSamples.feeds, exact);
        return sums.finally(() => alone.release());
      },
    );
  const twins = modeOf(plan.recipe.quantization.mode).experiments === 'twin';
  const beside = twins
    ? await groupedSensitivity(
        subject.prepared,
        groupLayers(
          subject.prepared,
          experiments,
          subject.typeOf,
          ({ name }) => subject.macs.get(name) ?? null,
        ),
        experimentSettings(plan, subject, calibrated, quantized),
        layerSamples.feeds,
        exact,
        loop,
      )
    : [];
  const inBodies = () => quantized.units.filter((u) => u.integer && u.unit.body);
  const apart = await rewriting(twins ? inBodies() : units);
  begun = null;
  await write();
  return new Map([...beside, ...apart]);
}

/** What is kept of trying layers: those that are done, and the group that is being measured. */
interface StoredSums {
  measured: [string, OutputSumsData][];
  begun: { samples: number; sums: [string, OutputSumsData][] } | null;
}

const sumsOf = (data: readonly [string, OutputSumsData][]): Measured =>
  new Map(data.map(([layer, sums]) => [layer, OutputSums.fromData(sums)]));

const dataOf = (measured: Measured): [string, OutputSumsData][] =>
  [...measured].map(([layer, sums]) => [layer, sums.toData()]);

/** A layer that changes nothing. */
function exactSums(exact: ExactOutputs): OutputSums {
  const sums = new OutputSums();
  for (const outputs of exact)
    sums.add(
      outputs,
      Object.fromEntries(
        Object.entries(outputs).map(([name, data]) => [
          name,
          { type: 'float32' as const, dims: [data.length], data },
        ]),
      ),
    );
  return sums;
}

/** The model with all others kept; null where the layer then stays float too, since it only moves what they give. */
async function quantizeAlone(
  plan: Plan,
  subject: Subject,
  calibrated: Calibrated | null,
  others: ReadonlySet<string>,
): Promise<Quantized | null> {
  try {
    return await quantizeStage(plan, subject, calibrated, others);
  } catch (error) {
    if (error instanceof VernierError && error.code === 'model.nothing-to-quantize') return null;
    throw error;
  }
}

/**
 * Output SQNR gained by keeping just one more layer, measured for the layers that make noise.
 * @param keeping quantizes again with one more layer in FP32
 */
export async function costsStage(
  quantized: Quantized,
  keeping: (layer: string) => Promise<Quantized>,
  shares: ReadonlyMap<string, number>,
  samples: LayerSamples,
  exact: ExactOutputs,
  context: JobContext,
  deadline: number,
): Promise<Map<string, number>> {
  const base = noiseDb(await outputNoise(quantized.model, samples.feeds, exact));
  const candidates = quantized.units
    .filter((u) => u.integer && (shares.get(u.unit.name) ?? 0) >= WORTH_KEEPING)
    .map((u) => u.unit.name)
    .sort((a, b) => shares.get(b)! - shares.get(a)!)
    .slice(0, MOST_KEPT);
  await context.meter.begin('sensitivity', candidates.length, 'keeping one at a time');
  const costs = new Map<string, number>();
  if (quantized.units.filter((u) => u.integer).length < 2) return costs;
  for (const [i, layer] of candidates.entries()) {
    if (Date.now() > deadline) break;
    const kept = await keeping(layer);
    const noise = await outputNoise(kept.model, samples.feeds, exact).finally(() => kept.release());
    costs.set(layer, noiseDb(noise) - base);
    await context.meter.step(i + 1, candidates.length, 'keeping one at a time');
  }
  return costs;
}

/** Exact outputs of the samples of the layer analysis. */
export async function exactOutputs(
  reference: Reference,
  samples: LayerSamples,
): Promise<Record<string, Float32Array>[]> {
  const all: Record<string, Float32Array>[] = [];
  for (const [k, feed] of samples.feeds.entries()) {
    const values = await reference.of(samples.positions[k]!, feed);
    all.push(
      Object.fromEntries(
        Object.entries(values).flatMap(([name, v]) => {
          const data = floatsOf(v);
          return data ? [[name, data]] : [];
        }),
      ),
    );
  }
  return all;
}

/** Layers to experiment with: all that could be integer, whether the recipe keeps them or not. */
export function experimentUnits(plan: Plan, subject: Subject, quantized: Quantized) {
  const mode = modeOf(plan.recipe.quantization.mode);
  if (mode.experiments === 'rewrite') {
    const integer = new Set(quantized.units.filter((u) => u.integer).map((u) => u.unit));
    const could = (unit: Unit) =>
      integer.has(unit) || quantized.wishes.get(unit.name)?.keep === true;
    return subject.units.map((unit) => ({
      unit,
      integer: could(unit) && mode.canQuantize(unit, subject),
      reason: null,
    }));
  }
  const usable = (tensor: string) => quantized.params.has(tensor);
  const everything = everythingFor(
    subject,
    forcedLayers(plan, quantized.wishes),
    plan.traits.family,
  );
  // a twin beside a layer stands in the main graph: those in bodies are tried by writing the model again
  return everything.units.filter(
    (u) =>
      u.integer &&
      !u.unit.body &&
      integerInputs(u.unit).every((t) => usable(everything.quantized.get(t) ?? t)),
  );
}

async function* each(feeds: readonly Feed[]): AsyncGenerator<Feed> {
  await Promise.resolve();
  yield* feeds;
}
