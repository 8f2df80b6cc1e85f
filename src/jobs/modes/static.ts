import { VernierError } from '../../errors';
import type { QuantParams } from '../../numeric';
import type { BiasChange } from '../../quantize/bias-correction';
import { channelParams, type ChannelsOf } from '../../quantize/channelwise';
import { placeFor } from '../../quantize/place-for';
import { balances, type Balances } from '../../quantize/balance';
import type { ParamsOf, TensorParams } from '../../quantize/parameters';
import type { Placement, UnitPlacement } from '../../quantize/placement';
import { observe } from '../../quantize/observers';
import { writeBodies } from '../../quantize/write-bodies';
import { writeQdq } from '../../quantize/qdq';
import { importedParams } from '../../quantize/ranges/params';
import { isTable } from '../../quantize/tables';
import type { Unit } from '../../quantize/units';
import { whyNotWide, widen, type WideType } from '../../quantize/wide';
import type { Headroom, WeightSettings } from '../../quantize/weights';
import type { LayerWish } from '../../recipe/match';
import type { Note } from '../../results';
import { addNote } from '../context';
import { forcedLayers } from '../forced';
import type { Plan } from '../plan';
import type { Calibrated } from '../stages/calibrate';
import type { Subject } from '../subject';
import { headrooms } from './headroom';
import { calibrationMetadata, weightsMetadata } from './metadata';
import type { QuantizationMode } from './mode';
import { chooseParameters } from './parameters';

/** So many tensors are named. */
const NAMED = 3;

/** Weights and activations in Q/DQ form; ranges come from calibration. */
export const staticMode: QuantizationMode = {
  experiments: 'twin',
  remedy: 'Use mode: dynamic, or shorten keep_fp32.',
  canQuantize: () => true,
  metadata: (plan) => {
    const { observer, percentile } = plan.recipe.quantization.activations;
    const share = observer === 'percentile' ? ` ${percentile}` : '';
    return [
      ['vernier.activations', `${plan.wideType ?? plan.activationType} ${observer}${share}`],
      ...calibrationMetadata(plan),
      weightsMetadata(plan),
    ];
  },
  async quantize({ plan, subject, calibrated, keep, wishes, corrected }) {
    if (!calibrated)
      throw new VernierError('recipe.schema', 'Static quantization needs calibration data.', {
        file: plan.recipePath,
        remedy: 'Add calibration: { data: … } to the recipe, or data: random to try it.',
      });
    const notes: Note[] = [];
    const { params, unusable } = chooseParameters(plan, subject, calibrated, wishes, notes);
    const forced = forcedLayers(plan, wishes);
    const { prepared, units, typeOf } = subject;
    const place = (kept: ReadonlySet<string>) =>
      placeFor(plan.traits.family, prepared, units, { keep: kept, forced, unusable }, typeOf);
    const placeApart = (kept: ReadonlySet<string>) => {
      const wide = wideLayers(plan, units, wishes, kept);
      const placement = place(new Set([...kept, ...wide.types.keys(), ...wide.refused.keys()]));
      // A 16-bit layer is none that the runtime could quantize again: it needs no protection.
      const units8 = placement.units.filter(({ unit }) => !unit.body && !wide.types.has(unit.name));
      return { wide, placement, narrow: { ...placement, units: units8 } };
    };
    const { wide, placement, narrow } = placeApart(keep);
    const paramsOf = (tensor: string) => params.get(tensor)!;
    const balancedIn = (placed: Placement, few: FewSamples) =>
      balancesFor(plan, subject, calibrated, placed, paramsOf, few);
    const few: FewSamples = new Map();
    const balanced = balancedIn(narrow, few);
    if (few.size > 0) addNote(notes, balancedInPart(few, calibrated.statistics));
    const { statistics } = calibrated;
    const headroomIn = (placed: Placement, balances: Balances) =>
      plan.headroom
        ? headrooms(placed, statistics, paramsOf, plan.activationType, balances)
        : undefined;
    const headroom = headroomIn(placement, balanced);
    const alone = () => {
      if (keep.size === 0) return { balances: balanced, headroom };
      const placed = placeApart(new Set());
      const balances = balancedIn(placed.narrow, new Map());
      return { balances, headroom: headroomIn(placed.placement, balances) };
    };
    const written = writeQdq(
      prepared,
      narrow,
      paramsOf,
      { type: plan.activationType },
      weightSettings(plan, headroom),
      corrected?.biases,
      channelsFor(plan, calibrated, params),
      balanced,
    );
    const kept = new Set([...keep, ...wide.refused.keys()]);
    const whole = wide.types.size > 0 ? place(kept) : placement;
    const tensors = widen(written.model, whole, {
      types: wide.types,
      paramsOf: wideParams(plan, calibrated),
      weightSettings: weightSettings(plan),
      ...(corrected ? { biases: corrected.biases } : {}),
    });
    const inner = await writeBodies(written, placement, (view, placed) =>
      writeQdq(
        view,
        placed,
        paramsOf,
        { type: plan.activationType },
        weightSettings(plan, headroom),
        new Map(),
        channelsFor(plan, calibrated, params),
      ),
    );
    return {
      model: written.model,
      units: placement.units.map((p, i) => withWidth(p, whole.units[i]!, wide)),
      placement,
      params,
      balances: balanced,
      alone,
      wide: tensors,
      codesOf: (tensor) => written.codes.get(tensor),
      weightScales: new Map([...written.weightScales, ...inner]),
      biasChanges: corrected?.changes ?? new Map<string, BiasChange>(),
      ...(headroom ? { headroom } : {}),
      notes,
    };
  },
};

/** Layers with 16-bit activations, and those that cannot have them. */
export interface WideLayers {
  types: Map<string, WideType>;
  refused: Map<string, string>;
}

/** The layers whose activations a recipe gives 16 bits. */
export function wideLayers(
  plan: Plan,
  units: readonly Unit[],
  wishes: ReadonlyMap<string, LayerWish>,
  keep: ReadonlySet<string>,
): WideLayers {
  const wide: WideLayers = { types: new Map(), refused: new Map() };
  for (const unit of units) {
    const type = wideTypeOf(plan, wishes.get(unit.name));
    if (!type || keep.has(unit.name) || isTable(unit)) continue; // a table has 8 bits beside both
    const why = whyNotWide(unit);
    if (why) wide.refused.set(unit.name, why);
    else wide.types.set(unit.name, type);
  }
  return wide;
}

/** The type of a layer's activations where they have 16 bits. */
export function wideTypeOf(plan: Plan, wish: LayerWish | undefined): WideType | null {
  const own = wish?.activations ?? null;
  const unnamed = plan.wideType ?? (plan.activationType === 'int8' ? 'int16' : 'uint16');
  return own === 'wide' ? unnamed : (own ?? plan.wideType);
}

/**
 * Scale and zero point for 16 bits: the recipe's observer where it is one of extremes or shares. The others weigh clipping
 * against steps, of which 16 bits have enough: they give the extremes.
 */
export function wideParams(plan: Plan, { statistics, imported }: Calibrated) {
  const { observer, percentile } = plan.recipe.quantization.activations;
  const plain = ['entropy', 'mse', 'auto'].includes(observer) ? 'minmax' : observer;
  return (tensor: string, type: WideType): QuantParams => {
    const seen = statistics.get(tensor);
    const range = imported?.ranges.get(tensor);
    if (range) return importedParams(range, type);
    return seen ? observe(seen, plain, type, { percentile }) : { scale: 1, zeroPoint: 0 };
  };
}

function withWidth(placed: UnitPlacement, whole: UnitPlacement, wide: WideLayers): UnitPlacement {
  const { unit } = placed;
  const refused = wide.refused.get(unit.name);
  if (refused !== undefined) return { unit, integer: false, reason: refused };
  if (!wide.types.has(unit.name)) return placed;
  return whole.integer ? { unit, integer: true, precision: 'int16', reason: null } : whole;
}

/** Samples that tensors would need to be balanced in full, by name. */
type FewSamples = Map<string, number>;

/** Tensors that few samples let `equalize` balance little. */
function balancedInPart(few: FewSamples, statistics: Calibrated['statistics']): Note {
  const [tensor] = few.keys();
  const seen = statistics.get(tensor!)!.samples;
  const names = [...few.keys()].slice(0, NAMED).map((name) => `'${name}'`);
  const more = few.size > NAMED ? ` and ${few.size - NAMED} more` : '';
  return {
    code: 'balanced-in-part',
    severity: 'info',
    message: `Channels of very different ranges are balanced in part only, as ${seen} calibration ${seen === 1 ? 'sample says' : 'samples say'} too little of how far each of them reaches: ${names.join(', ')}${more}.`,
    tensor: tensor!,
    remedy: `Calibrate on ${Math.max(...few.values())} samples.`,
  };
}

/** What `improve: [equalize]` balances; nothing without it, or where scales are one for all or powers of two. */
function balancesFor(
  plan: Plan,
  { prepared }: Subject,
  { statistics, imported }: Calibrated,
  placement: Placement,
  paramsOf: ParamsOf,
  few: FewSamples,
): Balances {
  const { weights, improve } = plan.recipe.quantization;
  const possible = weights.granularity === 'channel';
  if (!improve.includes('equalize') || !possible || plan.traits.powerOfTwo) return new Map();
  const given = (tensor: string) => imported?.ranges.has(tensor) ?? false;
  const type = plan.activationType;
  const tooFew = (tensor: string, samples: number) => few.set(tensor, samples);
  return balances(prepared, placement, { statistics, paramsOf, given, type, tooFew });
}

/** Parameters of every channel of a tensor, where its layer can have them: per channel is the granularity, too. */
export function channelsFor(
  plan: Plan,
  calibrated: Calibrated,
  params: ReadonlyMap<string, TensorParams>,
): ChannelsOf {
  return (tensor) => {
    const statistics = calibrated.statistics.get(tensor);
    const whole = params.get(tensor);
    if (plan.recipe.quantization.weights.granularity !== 'channel') return null;
    if (plan.activationType !== 'uint8' || calibrated.imported?.ranges.has(tensor)) return null;
    return statistics && whole ? channelParams(statistics, whole, plan.activationType) : null;
  };
}

/** Settings of every layer's weights. */
export function weightSettings(
  plan: Plan,
  headroom?: ReadonlyMap<string, Headroom>,
): (unit: string) => WeightSettings {
  const { granularity } = plan.recipe.quantization.weights;
  const { floatBias, powerOfTwo } = plan.traits;
  const otherwise = plan.headroom && plan.activationType === 'uint8' ? { largest: null } : null;
  return (unit) => {
    const own = headroom?.get(unit) ?? otherwise;
    return { granularity, bits: 8, floatBias, powerOfTwo, ...(own && { headroom: own }) };
  };
}
