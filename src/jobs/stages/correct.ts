import { spread } from '../../data';
import { correctBiases, type CorrectedBiases } from '../../quantize/bias-correction';
import type { Feed } from '../../onnx';
import type { JobContext } from '../context';
import { ENGINE_VERSION, keyOf } from '../keys';
import type { Plan } from '../plan';
import type { Selection } from '../samples';
import type { Subject } from '../subject';
import type { Calibrated } from './calibrate';
import type { Quantized } from '../modes/mode';
import { weightSettings } from '../modes/static';

/** Biases are corrected on at most this many samples, */
const MOST_SAMPLES = 64;
/** and on so many that one activation of all of them fits into this many bytes, */
const ACTIVATION_BYTES = 192 << 20;
/** but never on fewer than these: a mean over less says little. */
const FEWEST_SAMPLES = 4;

/**
 * Corrected biases for a placement, remembered by what they depend on; what is kept in FP32 is part of it, since
 * layers behind a kept one see other noise. Null where the recipe does not ask for it, or there are too few samples.
 */
export async function correctStage(
  plan: Plan,
  subject: Subject,
  selection: Selection | null,
  calibrated: Calibrated | null,
  quantized: Quantized,
  context: JobContext,
): Promise<CorrectedBiases | null> {
  const { placement, params } = quantized;
  if (!plan.recipe.quantization.improve.includes('bias-correction')) return null;
  if (!placement || !selection || !calibrated) return null;
  const positions = correctionSamples(selection, calibrated);
  if (positions.length < FEWEST_SAMPLES) return null;
  const floats = placement.units.filter((u) => !u.integer).map((u) => u.unit.name);
  const { activations, weights } = plan.recipe.quantization;
  const key = keyOf('biases', ENGINE_VERSION, calibrated.key, plan.activationType, plan.headroom, {
    activations,
    weights,
    layers: plan.recipe.layers,
    floats,
    positions,
  });
  return context.memory.get('biases', key, async () => {
    await context.meter.begin('quantize', 1, 'bias correction');
    const samples: Feed[] = [];
    for (const i of positions) samples.push(await selection.source.sample(selection.indices[i]!));
    return correctBiases(subject.prepared, placement, samples, {
      paramsOf: (tensor) => params.get(tensor)!,
      activationType: plan.activationType,
      weightSettings: weightSettings(plan, quantized.headroom),
      onNode: (done, total) => context.meter.step(done, total, 'bias correction'),
    });
  });
}

/** As many samples as memory allows, spread over the calibration set. */
function correctionSamples(selection: Selection, { statistics }: Calibrated): number[] {
  let largest = 1;
  for (const { dims } of statistics.values())
    largest = Math.max(
      largest,
      dims.reduce((a, b) => a * b, 1),
    );
  const affordable = Math.floor(ACTIVATION_BYTES / (4 * largest));
  return spread(
    selection.indices.length,
    Math.max(FEWEST_SAMPLES, Math.min(MOST_SAMPLES, affordable)),
  );
}
