import { createHash } from 'node:crypto';
import { quantizingOperators } from '../../analyze/already-quantized';
import { RANDOM_CALIBRATION } from '../../analyze/random-calibration';
import { VernierError } from '../../errors';
import type { Model } from '../../onnx';
import type { CorrectedBiases } from '../../quantize/bias-correction';
import { partName, type ExperimentSettings } from '../../quantize/experiments';
import { takesChannelScales, type UnitPlacement } from '../../quantize/placement';
import type { Unit } from '../../quantize/units';
import { recordProvenance } from '../../quantize/provenance';
import { planLayers, type LayerWish } from '../../recipe/match';
import { calibrationNeed } from '../../recipe/modes';
import { runtimeVersion } from '../../runtime/session';
import type { Note } from '../../results';
import { forcedLayers } from '../forced';
import { modeOf } from '../modes';
import { channelsFor, weightSettings, wideParams, wideTypeOf } from '../modes/static';
import type { Quantized } from '../modes/mode';
import { VERSION } from '../keys';
import { whyNothing } from '../quantizable';
import { rangeNotes } from '../ranges';
import { spoolFor } from '../trial';
import type { Plan } from '../plan';
import { everythingFor, type Subject } from '../subject';
import type { Calibrated } from './calibrate';

export type { Quantized } from '../modes/mode';

/** Wishes of a recipe for every layer; the names of absorbed nodes lead to their layer. */
export function wishesOf(plan: Plan, subject: Subject): Map<string, LayerWish> {
  const absorbed = subject.context.absorbedByHost();
  return planLayers(
    plan.recipe,
    subject.units.map((u) => ({
      name: u.name,
      op: u.sourceOp,
      absorbed: absorbed.get(u.name) ?? [],
    })),
  );
}

/**
 * Quantizes, keeping `extra` layers in FP32 besides those of the recipe. What is made of a large model lies in a file beside
 * the output until it is released.
 */
export async function quantizeStage(
  plan: Plan,
  subject: Subject,
  calibrated: Calibrated | null,
  extra: ReadonlySet<string> = new Set(),
  corrected: CorrectedBiases | null = null,
): Promise<Quantized> {
  const wishes = wishesOf(plan, subject);
  const keep = new Set([...wishes].filter(([, w]) => w.keep).map(([name]) => name));
  extra.forEach((name) => keep.add(name));
  const mode = modeOf(plan.recipe.quantization.mode);
  const spool = spoolFor(subject.prepared, plan.output);
  const own = spool ? { ...subject, prepared: subject.prepared.spooling(spool) } : subject;
  const input = { plan, subject: own, calibrated, keep, wishes, corrected };
  const release = () => spool?.dispose();
  try {
    const written = await mode.quantize(input);
    refuseEmpty(written.units, plan, subject, { wishes, calibrated, notes: written.notes });
    describe(written.model, plan, subject, calibrated);
    return { ...written, wishes, release };
  } catch (error) {
    release();
    throw error;
  }
}

/** Refuses, before any data is read, a model in which this mode can quantize nothing even where nothing is kept. */
export async function refuseHopeless(plan: Plan, subject: Subject): Promise<void> {
  const mode = modeOf(plan.recipe.quantization.mode);
  if (calibrationNeed(plan.recipe.quantization.mode) === 'needed')
    refuseEmpty(subject.everything.units, plan, subject, { wishes: wishesOf(plan, subject) });
  else if (!subject.units.some((unit) => mode.canQuantize(unit, subject)))
    (await quantizeStage(plan, subject, null)).release(); // says why, layer by layer
}

/** Settings for experiments with single layers: the same as for the whole. */
export function experimentSettings(
  plan: Plan,
  subject: Subject,
  calibrated: Calibrated | null,
  quantized: Quantized,
): ExperimentSettings {
  const forced = forcedLayers(plan, quantized.wishes);
  const { quantized: roots, reads } = everythingFor(subject, forced, plan.traits.family);
  const { balances, headroom } = quantized.alone?.() ?? quantized;
  const channelsOf = calibrated && channelsFor(plan, calibrated, quantized.params);
  return {
    paramsOf: (tensor) => quantized.params.get(roots.get(tensor) ?? tensor)!,
    activationType: plan.activationType,
    weightSettings: weightSettings(plan, headroom),
    ...(reads && {
      codesOf: (unit: Unit) =>
        unit.inputs.filter((tensor) => reads.get(tensor)?.has(unit.node.name) ?? false),
    }),
    ...(balances && { balances }),
    biasOf: (unit, parts) => quantized.aloneBiases?.get(partName(unit, parts)),
    resultOf: (unit) => {
      const { output } = unit;
      const params = quantized.params.get(output);
      if (!params || roots.get(output) !== output) return undefined;
      const channels = takesChannelScales(unit, plan.traits.family) ? channelsOf?.(output) : null;
      return { params, ...(channels && { channels }) };
    },
    wideTypeOf: (unit) => wideTypeOf(plan, quantized.wishes.get(unit)),
    wideParamsOf: calibrated ? wideParams(plan, calibrated) : () => ({ scale: 1, zeroPoint: 0 }),
  };
}

/** What is known of why nothing was quantized. */
interface Known {
  wishes: ReadonlyMap<string, LayerWish>;
  calibrated?: Calibrated | null;
  notes?: readonly Note[];
}

function refuseEmpty(
  units: readonly UnitPlacement[],
  plan: Plan,
  subject: Subject,
  known: Known,
): void {
  const mode = modeOf(plan.recipe.quantization.mode);
  if (mode.mayBeEmpty || units.some((u) => u.integer)) return;
  const first = units.find((u) => u.unit.weight) ?? units[0];
  const before = quantizingOperators(subject.source);
  if (before !== null)
    throw new VernierError(
      'model.already-quantized',
      `The model was quantized before (${before}), and nothing that is float in it can be quantized${first ? `: '${first.unit.name}' stays float because ${first.reason}` : ''}.`,
      {
        file: subject.file,
        ...(first ? { node: first.unit.name } : {}),
        remedy:
          'Begin with the FP32 model that it was made from, or make one of it: vernier dequantize MODEL.',
      },
    );
  const why = whyNothing(plan.recipe.quantization.mode, plan, subject, known.wishes);
  const reason = first ? `: '${first.unit.name}' stays float because ${first.reason}` : '';
  const cause = first && !why ? causeOf(first.unit, subject, known) : null;
  throw new VernierError(
    'model.nothing-to-quantize',
    why
      ? `${why.message}${first && !why.kept ? reason : ''}.`
      : `No layer can be quantized in mode ${plan.recipe.quantization.mode}${reason}.${cause?.message ? ` ${cause.message}` : ''}`,
    {
      file: subject.file,
      ...(first ? { node: first.unit.name } : {}),
      remedy: why?.remedy ?? cause?.remedy ?? mode.remedy,
    },
  );
}

/** What made the ranges of a layer's tensors unusable: a file of another model's ranges, or bad samples. */
function causeOf(
  { inputs, output }: Unit,
  subject: Subject,
  { calibrated, notes = [] }: Known,
): Partial<Pick<Note, 'message' | 'remedy'>> | null {
  const strange =
    calibrated?.imported &&
    rangeNotes(calibrated.imported, subject).find(
      ({ code, severity }) => code === 'ranges-unknown-tensor' && severity === 'warning',
    );
  if (strange) return strange;
  const bad = notes.find(
    ({ code, tensor }) =>
      (code === 'range-not-finite' || code === 'range-unusable') &&
      tensor !== undefined &&
      [...inputs, output].includes(tensor),
  );
  return bad?.remedy === undefined ? null : { remedy: bad.remedy };
}

/**
 * What the written file says of itself: versions, the recipe as far as it decides the bytes, hashes of model, recipe
 * and data, and node by node where it comes from. No time stamps, so that the same recipe gives the same bytes.
 */
function describe(model: Model, plan: Plan, subject: Subject, calibrated: Calibrated | null): void {
  const { mode } = plan.recipe.quantization;
  const { calibration, inputs, quantization, keepFp32, layers } = plan.recipe;
  const recipe = JSON.stringify({
    target: plan.target,
    calibration,
    inputs,
    quantization,
    keep_fp32: keepFp32,
    layers,
  });
  model.proto.producerName = 'vernier';
  model.proto.producerVersion = VERSION;
  const entries: [key: string, value: string][] = [
    ['vernier.version', VERSION],
    ['vernier.runtime', `onnxruntime-node ${runtimeVersion()}`],
    ['vernier.source.sha256', subject.hashes.model],
    ...subject.hashes.data.map(
      ({ name, hash }) => [`vernier.source.sha256.${name}`, hash] as [string, string],
    ),
    ['vernier.recipe', recipe],
    ['vernier.recipe.sha256', createHash('sha256').update(recipe).digest('hex')],
    ['vernier.mode', mode],
    ...(quantization.auto ? [['vernier.mode.chosen', 'by measuring'] as [string, string]] : []),
    ['vernier.target', plan.target],
    ...(calibrated ? [['vernier.calibration.key', calibrated.key] as [string, string]] : []),
    ...(calibrated?.imported?.random || calibrated?.taken?.random
      ? [[RANDOM_CALIBRATION, 'true'] as [string, string]]
      : []),
    ...modeOf(mode).metadata(plan),
  ];
  for (const [key, value] of entries) model.setMetadata(key, value);
  recordProvenance(model, subject.source, subject.prepared, subject.context);
}
