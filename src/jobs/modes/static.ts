import { VernierError } from '../../errors';
import type { QuantParams } from '../../numeric';
import type { BiasChange } from '../../quantize/bias-correction';
import { channelParams, type ChannelsOf } from '../../quantize/channelwise';
import { placeFor } from '../../quantize/place-for';
import { writeQdq } from '../../quantize/qdq';
import type { Headroom, WeightSettings } from '../../quantize/weights';
import type { Note } from '../../results';
import { forcedLayers } from '../forced';
import type { Plan } from '../plan';
import type { Calibrated } from '../stages/calibrate';
import { headrooms } from './headroom';
import { calibrationMetadata, weightsMetadata } from './metadata';
import type { QuantizationMode } from './mode';
import { chooseParameters } from './parameters';

/** Weights and activations in Q/DQ form; ranges come from calibration. */
export const staticMode: QuantizationMode = {
  experiments: 'twin',
  remedy: 'Use mode: dynamic, or shorten keep_fp32.',
  canQuantize: () => true,
  metadata: (plan) => {
    const { observer, percentile } = plan.recipe.quantization.activations;
    const share = observer === 'percentile' ? ` ${percentile}` : '';
    return [
      ['vernier.activations', `${plan.activationType} ${observer}${share}`],
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
    const options = { keep, forced, unusable };
    const placement = placeFor(
      plan.traits.family,
      subject.prepared,
      subject.units,
      options,
      subject.typeOf,
    );
    const paramsOf = (tensor: string) => params.get(tensor)!;
    const headroom = plan.headroom
      ? headrooms(placement, calibrated.statistics, paramsOf)
      : undefined;
    const written = writeQdq(
      subject.prepared,
      placement,
      paramsOf,
      { type: plan.activationType },
      weightSettings(plan, headroom),
      corrected?.biases,
      channelsFor(plan, calibrated, params),
    );
    return {
      model: written.model,
      units: placement.units,
      placement,
      params,
      codesOf: (tensor) => written.codes.get(tensor),
      weightScales: written.weightScales,
      biasChanges: corrected?.changes ?? new Map<string, BiasChange>(),
      ...(headroom ? { headroom } : {}),
      notes,
    };
  },
};

/** Parameters of every channel of a tensor, where its layer can have them: per channel is the granularity, too. */
function channelsFor(
  plan: Plan,
  calibrated: Calibrated,
  params: ReadonlyMap<string, QuantParams>,
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
  return (unit) => ({
    granularity,
    bits: 8,
    floatBias,
    powerOfTwo,
    ...(plan.headroom ? { headroom: headroom?.get(unit) ?? { largest: null } } : {}),
  });
}
