import { stat } from 'node:fs/promises';
import { VernierError } from '../../errors';
import { saveModel, serializeModel, type Model } from '../../onnx';
import type { QuantParams } from '../../numeric';
import type { BiasChange, CorrectedBiases } from '../../quantize/bias-correction';
import { quantizeDynamic } from '../../quantize/dynamic';
import type { ExperimentSettings } from '../../quantize/experiments';
import { observe } from '../../quantize/observers';
import { place, type Placement, type UnitPlacement } from '../../quantize/placement';
import { writeQdq } from '../../quantize/qdq';
import { planLayers, type LayerWish } from '../../recipe/match';
import type { Note } from '../../results';
import { addNote } from '../context';
import type { Plan } from '../plan';
import type { Subject } from '../subject';
import type { Calibrated } from './calibrate';

/** A quantized model in memory, and what is known of how it came about. */
export interface Quantized {
  model: Model;
  bytes: Uint8Array;
  units: UnitPlacement[];
  wishes: Map<string, LayerWish>;
  placement: Placement | null;
  /** Parameters of every quantized tensor; empty in dynamic mode. */
  params: Map<string, QuantParams>;
  codesOf(tensor: string): { quantized: string; params: QuantParams } | undefined;
  weightScales: Map<string, Float32Array>;
  /** What bias correction did, by layer; empty where it was not asked for. */
  biasChanges: ReadonlyMap<string, BiasChange>;
  notes: Note[];
}

/** Wishes of a recipe for every layer; the names of absorbed nodes lead to their layer. */
export function wishesOf(plan: Plan, subject: Subject): Map<string, LayerWish> {
  return planLayers(
    plan.recipe,
    subject.units.map((u) => ({
      name: u.name,
      op: u.sourceOp,
      absorbed: subject.context.absorbedBy(u.name),
    })),
  );
}

/** Quantizes in memory, keeping `extra` layers in FP32 besides those of the recipe. */
export function quantizeStage(
  plan: Plan,
  subject: Subject,
  calibrated: Calibrated | null,
  extra: ReadonlySet<string> = new Set(),
  corrected: CorrectedBiases | null = null,
): Quantized {
  const wishes = wishesOf(plan, subject);
  const keep = new Set([...wishes].filter(([, w]) => w.keep).map(([name]) => name));
  extra.forEach((name) => keep.add(name));
  const quantized =
    plan.recipe.quantization.mode === 'dynamic'
      ? dynamic(plan, subject, keep, wishes)
      : quantizeStatic(plan, subject, calibrated, keep, wishes, corrected);
  describe(quantized.model, plan, subject);
  return { ...quantized, bytes: serializeModel(quantized.model) };
}

function dynamic(
  plan: Plan,
  subject: Subject,
  keep: ReadonlySet<string>,
  wishes: Map<string, LayerWish>,
): Omit<Quantized, 'bytes'> {
  const { granularity } = plan.recipe.quantization.weights;
  const written = quantizeDynamic(
    subject.prepared,
    subject.units,
    keep,
    granularity,
    plan.target === 'x86-avx2',
  );
  refuseEmpty(written.units, plan, subject);
  return {
    ...written,
    wishes,
    placement: null,
    params: new Map(),
    codesOf: () => undefined,
    biasChanges: new Map(),
    notes: [],
  };
}

function quantizeStatic(
  plan: Plan,
  subject: Subject,
  calibrated: Calibrated | null,
  keep: ReadonlySet<string>,
  wishes: Map<string, LayerWish>,
  corrected: CorrectedBiases | null,
): Omit<Quantized, 'bytes'> {
  if (!calibrated)
    throw new VernierError('recipe.schema', 'Static quantization needs calibration data.', {
      file: plan.recipePath,
      remedy: 'Add calibration: { data: … } to the recipe, or data: random to try it.',
    });
  const notes: Note[] = [];
  const { params, unusable } = chooseParameters(plan, subject, calibrated, wishes, notes);
  const placement = place(subject.prepared, subject.units, { keep, unusable }, subject.typeOf);
  refuseEmpty(placement.units, plan, subject);
  const written = writeQdq(
    subject.prepared,
    placement,
    (tensor) => params.get(tensor)!,
    { type: plan.activationType },
    weightSettings(plan),
    corrected?.biases,
  );
  return {
    model: written.model,
    units: placement.units,
    wishes,
    placement,
    params,
    codesOf: (tensor) => written.codes.get(tensor),
    weightScales: written.weightScales,
    biasChanges: corrected?.changes ?? new Map<string, BiasChange>(),
    notes,
  };
}

/** Settings for experiments with single layers: the same as for the whole. */
export function experimentSettings(
  plan: Plan,
  subject: Subject,
  quantized: Quantized,
): ExperimentSettings {
  const roots = subject.everything.quantized;
  return {
    paramsOf: (tensor) => quantized.params.get(roots.get(tensor) ?? tensor)!,
    activationType: plan.activationType,
    weightSettings: weightSettings(plan),
  };
}

/** Settings of every layer's weights. */
export function weightSettings(plan: Plan) {
  const settings = {
    granularity: plan.recipe.quantization.weights.granularity,
    bits: 8,
    headroom: plan.headroom,
  };
  return () => settings;
}

/** Scale and zero point of every tensor that may be quantized; ranges that cannot be used are reported by name. */
function chooseParameters(
  plan: Plan,
  subject: Subject,
  calibrated: Calibrated,
  wishes: ReadonlyMap<string, LayerWish>,
  notes: Note[],
): { params: Map<string, QuantParams>; unusable: Map<string, string> } {
  const producers = new Map(subject.units.map((u) => [u.output, u.name]));
  const params = new Map<string, QuantParams>();
  const unusable = new Map<string, string>();
  const { percentile } = plan.recipe.quantization.activations;
  for (const [tensor, statistics] of calibrated.statistics) {
    const layer = producers.get(tensor);
    const observer =
      (layer === undefined ? null : wishes.get(layer)?.observer) ??
      plan.recipe.quantization.activations.observer;
    const { oddity, ...chosen } = observe(statistics, observer, plan.activationType, {
      percentile,
    });
    params.set(tensor, chosen);
    if (statistics.notFinite > 0) {
      const message = `'${tensor}' was NaN or infinite in ${statistics.notFinite} of ${statistics.samples} calibration samples`;
      unusable.set(tensor, message);
      addNote(notes, {
        code: 'range-not-finite',
        severity: 'warning',
        message: `${message}; its layers stay float.`,
        tensor,
      });
    } else if (oddity === 'empty' || oddity === 'not-finite' || oddity === 'tiny') {
      const message = `'${tensor}' has no usable range (${oddity})`;
      unusable.set(tensor, message);
      addNote(notes, {
        code: 'range-unusable',
        severity: 'warning',
        message: `${message}; its layers stay float.`,
        tensor,
      });
    } else if (oddity === 'zero' || oddity === 'constant')
      addNote(notes, {
        code: 'range-constant',
        severity: 'warning',
        message: `'${tensor}' had one single value (${statistics.min}) in all calibration samples.`,
        tensor,
        remedy: 'Check that the calibration data is varied.',
      });
  }
  return { params, unusable };
}

function refuseEmpty(units: readonly UnitPlacement[], plan: Plan, subject: Subject): void {
  if (units.some((u) => u.integer)) return;
  const first = units.find((u) => u.unit.weight) ?? units[0];
  throw new VernierError(
    'model.nothing-to-quantize',
    first
      ? `No layer can be quantized in mode ${plan.recipe.quantization.mode}: '${first.unit.name}' stays float because ${first.reason}.`
      : 'The model has no layer that could be quantized.',
    {
      file: subject.file,
      ...(first ? { node: first.unit.name } : {}),
      remedy:
        plan.recipe.quantization.mode === 'dynamic'
          ? 'Use mode: static for convolutions, or shorten keep_fp32.'
          : 'Use mode: dynamic for LSTM, or shorten keep_fp32.',
    },
  );
}

/** What the written file says of itself; no time stamps, so that the same recipe gives the same bytes. */
function describe(model: Model, plan: Plan, subject: Subject): void {
  const { quantization, calibration } = plan.recipe;
  model.proto.producerName = 'vernier';
  model.proto.producerVersion = '0.1.0';
  model.setMetadata('vernier.source.sha256', subject.key);
  model.setMetadata('vernier.mode', quantization.mode);
  model.setMetadata('vernier.target', plan.target);
  if (quantization.mode === 'static') {
    const { observer, percentile } = quantization.activations;
    const share = observer === 'percentile' ? ` ${percentile}` : '';
    model.setMetadata('vernier.activations', `${plan.activationType} ${observer}${share}`);
    model.setMetadata(
      'vernier.calibration',
      calibration?.random ? 'random' : (calibration?.data.join(', ') ?? ''),
    );
    if (calibration?.random) model.setMetadata('vernier.calibration.random', 'true');
  }
  model.setMetadata(
    'vernier.weights',
    `int8 ${quantization.weights.granularity}${plan.headroom ? ', no pair can clip in 16 bits' : ''}`,
  );
}

/** Writes the model where the recipe says; an earlier good file is only replaced by one that loads and runs. */
export async function writeOutput(model: Model, file: string): Promise<number> {
  await saveModel(model, file);
  return (await stat(file)).size;
}
