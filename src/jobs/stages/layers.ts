import { VernierError } from '../../errors';
import {
  accumulatedErrors,
  localErrors,
  twinErrors,
  type AccumulatedError,
  type LocalError,
  type SummedLayers,
} from '../../analyze/layer-errors';
import type { LayerSumData, TwinSumData } from '../../analyze/layer-sums';
import {
  experimentName,
  experimentsWith,
  groupedSensitivity,
  groupLayers,
  type Begun,
  type GroupLoop,
  type Measured,
} from '../../analyze/grouped-sensitivity';
import { OutputSums, type ExactOutputs, type OutputSumsData } from '../../analyze/output-sums';
import { eachLayer, wholeSums, type WholeSumsState } from '../../analyze/sensitivity';
import { floatsOf, spread, type Feed } from '../../data';
import { modelHash } from '../../onnx';
import { runtimeVersion } from '../../runtime/session';
import { ownResults } from '../../quantize/own-results';
import type { UnitPlacement } from '../../quantize/placement';
import { integerInputs, type Unit } from '../../quantize/units';
import type { JobContext } from '../context';
import { forcedLayers } from '../forced';
import { ENGINE_VERSION, keyOf, processor } from '../keys';
import type { Plan } from '../plan';
import type { Selection } from '../samples';
import { everythingFor, totalMacs, type Subject } from '../subject';
import { findOnce, forgetUnfinished, Unfinished } from '../unfinished';
import type { Calibrated } from './calibrate';
import type { Reference } from './evaluate';
import { modeOf } from '../modes';
import { isRecurrent } from '../../quantize/recurrent';
import {
  layerSamplesKey,
  type LayerSamples,
  type LayerTask,
  type OutputTask,
} from './layer-samples';
import { experimentSettings, quantizeStage, type Quantized } from './quantize';

export type { LayerSamples } from './layer-samples';

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
function experimentKey(task: LayerTask): string {
  const { plan, subject, calibrated, quantized, evaluation, layerSamples } = task;
  const { quantization, layers } = plan.recipe;
  return keyOf(
    'experiment-6',
    ENGINE_VERSION,
    subject.key,
    calibrated?.key ?? null,
    evaluation.key,
    quantization,
    plan.activationType,
    plan.headroom,
    plan.wideType,
    layers.map((l) => [l.match, l.observer, l.weights, l.activations, l.precision === 'int16']),
    layerSamples.positions,
    // each layer is corrected for itself, where a correction is known
    quantized.aloneBiases !== undefined,
  );
}

/** Local errors, remembered: they do not depend on what is kept. Empty in modes that have no twins. */
export function localStage(task: LayerTask): Promise<Map<string, LocalError>> {
  const { plan, subject, calibrated, quantized, layerSamples, context } = task;
  const mode = modeOf(plan.recipe.quantization.mode);
  if (mode.experiments === 'twin' ? !calibrated : !mode.localModel)
    return Promise.resolve(new Map<string, LocalError>());
  const key = experimentKey(task);
  const { feeds } = layerSamples;
  return context.memory.get('local', key, () =>
    findOnce<Map<string, LocalError>, SummedLayers<TwinSumData>>(
      context.store,
      'local',
      key,
      async (resume) => {
        await context.meter.begin('layer errors', feeds.length, undefined, resume.before?.done);
        const step = (done: number) => context.meter.step(done, feeds.length);
        if (!mode.localModel) {
          const units = experimentUnits(plan, subject, quantized);
          const settings = experimentSettings(plan, subject, calibrated, quantized);
          return localErrors(subject.prepared, units, settings, feeds, step, resume);
        }
        const { wishes } = quantized;
        const input = {
          plan,
          subject,
          calibrated,
          keep: new Set<string>(),
          wishes,
          corrected: null,
        };
        return twinErrors(mode.localModel(input), feeds, step, resume);
      },
    ),
  );
}

/** Error of each layer's output in the written model. */
export async function accumulatedStage(
  { subject, quantized, layerSamples: samples, context }: LayerTask,
  executed: ReadonlyMap<string, unknown>,
): Promise<Map<string, AccumulatedError>> {
  const total = samples.feeds.length;
  const written = new Set(quantized.model.graph.node.map((n) => n.name));
  // a recurrent layer that was taken apart is no node of that name any more; its results still are
  const layers = subject.units.filter(
    (u) => executed.has(u.name) && (written.has(u.node.name) || isRecurrent(u.node)),
  );
  const key = keyOf(
    ...['accumulated', ENGINE_VERSION, runtimeVersion(), processor(), subject.key],
    ...[modelHash(quantized.model), layers.map(({ name }) => name), layerSamplesKey(samples)],
  );
  let found = false;
  const errors = await findOnce<Map<string, AccumulatedError>, SummedLayers<LayerSumData>>(
    context.store,
    'accumulated',
    key,
    async (resume) => {
      found = true;
      await context.meter.begin('layer errors', total, undefined, resume.before?.done);
      return accumulatedErrors(
        subject.prepared,
        quantized.model,
        layers,
        (tensor) => quantized.codesOf(tensor),
        () => samples.feeds,
        (done) => context.meter.step(done, total),
        resume,
      );
    },
  );
  if (!found) await context.meter.begin('layer errors', total, undefined, total);
  return errors;
}

/**
 * What each layer does to the outputs when it alone is quantized, by {@link experimentName}: what was measured within the
 * recipe's budget. It is stored every second by the content of all that it depends on, and goes on from there.
 * @param withParts its weights alone and its activations alone, too
 */
export async function layersAlone(task: OutputTask, withParts: boolean): Promise<Measured> {
  const { plan, subject, calibrated, quantized, layerSamples, exact, context } = task;
  const key = experimentKey(task);
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
    if (Date.now() - saved < context.store.saveEveryMs) return;
    await write();
    saved = Date.now();
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
    resultsOf(quantized),
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
        const part = await Unfinished.open<WholeSumsState>(
          context.store,
          'alone-run',
          keyOf(key, layer),
        );
        try {
          const sums = await wholeSums(alone.model, layerSamples.feeds, exact, part);
          known.set(layer, sums);
          await write();
          await part.finish();
          return sums;
        } finally {
          alone.release();
        }
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
  await forgetUnfinished(context.store, 'alone-run');
  return new Map([...beside, ...apart]);
}

/** Layers of the written model whose result is their own ({@link ownResults}); none in modes that place no codes. */
export function resultsOf({ placement, units }: Quantized): Set<string> {
  return placement ? ownResults(placement, units) : new Set();
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
 * Exact outputs of the samples of the layer analysis. @param context where they are stored: with a model that takes seconds a
 * sample they are not computed again after a worker was killed
 */
export async function exactOutputs(
  reference: Reference,
  samples: LayerSamples,
  { store }: Pick<JobContext, 'store'>,
): Promise<Record<string, Float32Array>[]> {
  type Outputs = Record<string, Float32Array>[];
  const key = keyOf('exact', ENGINE_VERSION, reference.key, processor(), samples.positions);
  return findOnce<Outputs, Outputs>(store, 'exact', key, async (resume) => {
    const all = resume.before ?? [];
    for (let k = all.length; k < samples.feeds.length; k++) {
      const values = await reference.of(samples.positions[k]!, samples.feeds[k]!);
      all.push(
        Object.fromEntries(
          Object.entries(values).flatMap(([name, v]) => {
            const data = floatsOf(v);
            return data ? [[name, data]] : [];
          }),
        ),
      );
      await resume.step(() => all);
    }
    return all;
  });
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
