import { spread } from '../../data';
import {
  correctBiases,
  meanOutputs,
  takesBias,
  type CorrectedBiases,
  type ExactMeans,
  type Means,
  type WalkPart,
} from '../../quantize/bias-correction';
import { partName, type Parts } from '../../quantize/experiments';
import { correctAlone } from '../../quantize/own-correction';
import type { Feed } from '../../onnx';
import type { JobContext } from '../context';
import { ENGINE_VERSION, keyOf } from '../keys';
import type { Plan } from '../plan';
import type { Selection } from '../samples';
import type { Subject } from '../subject';
import { runtimeVersion } from '../../runtime/session';
import { PartsMeter } from '../parts-meter';
import { counted, findOnce, Unfinished } from '../unfinished';
import type { Calibrated } from './calibrate';
import type { Quantized } from '../modes/mode';
import { weightSettings } from '../modes/static';
import { experimentUnits } from './layers';
import { experimentSettings } from './quantize';

/** Biases are corrected on at most this many samples, */
const MOST_SAMPLES = 64;
/** and on so many that one activation of all of them fits into this many bytes, */
const ACTIVATION_BYTES = 192 << 20;
/** but never on fewer than these: a mean over less says little. */
export const FEWEST_SAMPLES = 4;

/**
 * Corrected biases for a placement, remembered by what they depend on; what is kept in FP32 is part of it, since
 * layers behind a kept one see other noise. Null where the recipe does not ask for it, or there are too few samples.
 * @param quiet as a part of another stage: without progress of its own
 */
export async function correctStage(
  plan: Plan,
  subject: Subject,
  selection: Selection | null,
  calibrated: Calibrated | null,
  quantized: Quantized,
  context: JobContext,
  quiet = false,
): Promise<CorrectedBiases | null> {
  const { placement, params } = quantized;
  const positions = correctionSamples(plan, selection, calibrated);
  if (!placement || !selection || !calibrated || !positions) return null;
  const floats = placement.units.filter((u) => !u.integer).map((u) => u.unit.name);
  const ran = keyOf(ENGINE_VERSION, runtimeVersion(), subject.key, selection.key, positions);
  const key = keyOf('biases', ran, calibrated.key, plan.target, plan.activationType, {
    headroom: plan.headroom,
    wideType: plan.wideType,
    quantization: plan.recipe.quantization,
    balanced: [...(quantized.balances?.keys() ?? [])],
    layers: plan.recipe.layers,
    floats,
  });
  return context.memory.get('biases', key, async () => {
    const walk = await Unfinished.open<WalkPart>(context.store, 'walk', ran);
    const found = await findOnce<CorrectedBiases, never>(context.store, 'biases', key, async () => {
      const { meter } = context;
      const begin = (total: number, before: number) =>
        quiet ? undefined : meter.begin('quantize', total, 'bias correction', before);
      const step = (done: number, total: number) =>
        quiet ? undefined : meter.step(done, total, 'bias correction');
      await begin(1, 0);
      const samples = await read(selection, positions);
      const exactMeans = await meansOf(subject, samples, keyOf('means', ran), context, begin, step);
      // layers with 16-bit activations are integer ones there
      const whole = { ...placement, units: quantized.units };
      return correctBiases(subject.prepared, whole, samples, {
        exactMeans,
        paramsOf: (tensor) => params.get(tensor)!,
        activationType: plan.activationType,
        weightSettings: weightSettings(plan, quantized.headroom),
        ...(context.walks ? { walks: context.walks } : {}),
        ...(quantized.balances && { balances: quantized.balances }),
        resume: walk,
        onBegin: (done, total) => begin(total, done),
        onNode: step,
      });
    });
    // only now that the result is stored
    await walk.finish();
    return found;
  });
}

/** FP32's means, which are the same for every placement. */
function meansOf(
  { prepared, units }: Subject,
  samples: readonly Feed[],
  key: string,
  { memory, store }: JobContext,
  begin: (total: number, before: number) => Promise<void> | undefined,
  step: (done: number, total: number) => Promise<void> | undefined,
): Promise<ExactMeans> {
  return memory.get('means', key, () =>
    findOnce<ExactMeans, Means>(store, 'means', key, async (resume) => {
      const known = samplesIn(resume.before);
      await begin(samples.length, known);
      const going = counted(resume, known, (done) => step(done, samples.length));
      return meanOutputs(prepared, units.filter(takesBias), samples, going);
    }),
  );
}

const samplesIn = (means: Means | null): number => means?.values().next().value?.length ?? 0;

/** What is needed to correct layers for themselves. */
export interface CorrectTask {
  plan: Plan;
  subject: Subject;
  samples: { calibration: Selection | null };
  calibrated: Calibrated | null;
  quantized: Quantized;
  context: JobContext;
}

/**
 * Biases by which each layer alone gives FP32's means, for experiments with single layers; null where biases are not
 * corrected. They do not depend on what is kept.
 * @param parts which of a layer's quantizers act
 */
export async function correctAloneStage(
  { plan, subject, samples, calibrated, quantized, context }: CorrectTask,
  parts: Parts = 'all',
): Promise<ReadonlyMap<string, Float32Array> | null> {
  const { calibration: selection } = samples;
  const positions = correctionSamples(plan, selection, calibrated);
  if (!quantized.placement || !selection || !calibrated || !positions) return null;
  const { quantization, layers } = plan.recipe;
  const key = keyOf(
    'alone',
    ENGINE_VERSION,
    runtimeVersion(),
    subject.key,
    selection.key,
    calibrated.key,
    plan.activationType,
    plan.headroom,
    plan.wideType,
    plan.target,
    quantization,
    layers,
    positions,
    ...(parts === 'all' ? [] : [parts]),
  );
  return context.memory.get(partName('alone', parts), key, () =>
    findOnce<ReadonlyMap<string, Float32Array>, Means>(
      context.store,
      'alone',
      key,
      async (resume) => {
        const { meter } = context;
        const { length } = positions;
        const known = samplesIn(resume.before);
        await meter.begin(SHOWN.stage, length, SHOWN.detail, known);
        return correctAlone(
          subject.prepared,
          experimentUnits(plan, subject, quantized),
          await read(selection, positions),
          experimentSettings(plan, subject, calibrated, quantized),
          parts,
          counted(resume, known, (done) => meter.step(done, length, SHOWN.detail)),
        );
      },
    ),
  );
}

const SHOWN = { stage: 'layer errors', detail: 'bias correction' } as const;
const PARTS: readonly Parts[] = ['all', 'weights', 'activations'];

/** The same for layers whole and for each of their parts, by {@link partName}: whoever tries parts needs them all. */
export async function correctPartsStage(
  task: CorrectTask,
): Promise<ReadonlyMap<string, Float32Array> | null> {
  const { plan, samples, calibrated, context } = task;
  const positions = correctionSamples(plan, samples.calibration, calibrated);
  if (!positions) return null;
  const steps = PARTS.map(() => positions.length);
  const counting = new PartsMeter(context.meter, steps, SHOWN);
  const each = { ...task, context: { ...context, meter: counting.meter } };
  const biases = new Map<string, Float32Array>();
  for (const parts of PARTS) {
    const found = await correctAloneStage(each, parts);
    if (!found) return null;
    counting.next();
    for (const [name, bias] of found) biases.set(partName(name, parts), bias);
  }
  return biases;
}

async function read({ source, indices }: Selection, positions: readonly number[]): Promise<Feed[]> {
  const samples: Feed[] = [];
  for (const i of positions) samples.push(await source.sample(indices[i]!));
  return samples;
}

/**
 * As many samples as memory allows, spread over the calibration set; null where biases are not to be corrected or there are
 * too few samples.
 */
function correctionSamples(
  plan: Plan,
  selection: Selection | null,
  calibrated: Calibrated | null,
): number[] | null {
  if (!plan.recipe.quantization.improve.includes('bias-correction')) return null;
  if (!selection || !calibrated) return null;
  const { statistics } = calibrated;
  let largest = 1;
  for (const { dims } of statistics.values())
    largest = Math.max(
      largest,
      dims.reduce((a, b) => a * b, 1),
    );
  const affordable = Math.floor(ACTIVATION_BYTES / (4 * largest));
  const positions = spread(
    selection.indices.length,
    Math.max(FEWEST_SAMPLES, Math.min(MOST_SAMPLES, affordable)),
  );
  return positions.length < FEWEST_SAMPLES ? null : positions;
}
