import { quantizingOperators } from '../analyze/already-quantized';
import { VernierError } from '../errors';
import type { Unit } from '../quantize/units';
import type { LayerWish } from '../recipe/match';
import { calibrationNeed } from '../recipe/modes';
import type { Mode } from '../results';
import { forcedLayers } from './forced';
import { modeOf } from './modes';
import type { Plan } from './plan';
import { everythingFor, type Subject } from './subject';

/** Why nothing is quantized, and what to do about it. */
interface Why {
  message: string;
  remedy: string;
  /** It is the recipe that keeps every layer. */
  kept: boolean;
}

type Wishes = ReadonlyMap<string, LayerWish>;

/** Modes that make integers of weights. */
const INTEGER: readonly Mode[] = ['static', 'dynamic', 'weight-only'];
/** So many layers are named. */
const NAMED = 3;

/** The layers that a mode quantizes where none is kept and every range is known. */
export function quantizable(mode: Mode, plan: Plan, subject: Subject, wishes: Wishes): Unit[] {
  if (calibrationNeed(mode) !== 'needed')
    return subject.units.filter((unit) => modeOf(mode).canQuantize(unit, subject));
  const { units } = everythingFor(subject, forcedLayers(plan, wishes), plan.traits.family);
  return units.filter(({ integer }) => integer).map(({ unit }) => unit);
}

/**
 * Why a mode leaves every layer of a model float whatever the data: none is of a kind that it quantizes, or the recipe keeps
 * them all. Null where neither is so.
 */
export function whyNothing(mode: Mode, plan: Plan, subject: Subject, wishes: Wishes): Why | null {
  const here = quantizable(mode, plan, subject, wishes);
  if (here.length > 0) return whyKept(here, wishes);
  const others = INTEGER.filter(
    (other) =>
      other !== mode &&
      (plan.traits.modes?.includes(other) ?? true) &&
      quantizable(other, plan, subject, wishes).length > 0,
  );
  if (others.length > 0)
    return {
      message: `The model has no layer that mode ${mode} quantizes`,
      remedy: `Use mode: ${others.join(' or ')}.`,
      kept: false,
    };
  return {
    message: 'The model has no layer that any mode quantizes to integers',
    remedy: 'Leave the model as it is.',
    kept: false,
  };
}

function whyKept(layers: readonly Unit[], wishes: Wishes): Why | null {
  if (!layers.every(({ name }) => wishes.get(name)?.keep)) return null;
  const names = layers.slice(0, NAMED).map(({ name }) => `'${name}'`);
  const more = layers.length > NAMED ? ` and ${layers.length - NAMED} more` : '';
  const sections = new Set(layers.map(({ name }) => wishes.get(name)?.by?.[0] ?? 'keep_fp32'));
  return {
    message: `The recipe keeps every layer that could be quantized in FP32: ${names.join(', ')}${more}`,
    remedy: `Shorten ${[...sections].join(' and ')}.`,
    kept: true,
  };
}

/**
 * Refuses, before anything is measured, a model in which none of several modes could quantize a layer. Throws
 * `model.nothing-to-quantize`. A model that was quantized before is left to the modes, which say so.
 */
export function refuseAllModes(
  modes: readonly Mode[],
  plan: Plan,
  subject: Subject,
  wishes: Wishes,
): void {
  if (quantizingOperators(subject.source) !== null) return;
  const whys = modes.map((mode) => whyNothing(mode, plan, subject, wishes));
  const why = whys.find((each) => each?.kept) ?? whys[0];
  if (!why || whys.includes(null)) return;
  throw new VernierError('model.nothing-to-quantize', `${why.message}.`, {
    file: subject.file,
    remedy: why.remedy,
  });
}
