import { GraphIndex, type Feed, type Model } from '../onnx';
import type { Resume } from '../resume';
import {
  addTo,
  biasOf,
  channelsOf,
  correction,
  readMeans,
  takesBias,
  type Means,
} from './bias-correction';
import { tapMeans } from './channel-means';
import { localModel, type ExperimentSettings, type Parts } from './experiments';
import type { UnitPlacement } from './placement';

/**
 * The bias by which each layer alone, quantized on exact inputs, gives FP32's means: what correction would do to a model in
 * which only this layer is quantized. One pass of the FP32 model with a quantized twin beside every layer; kept, as in
 * {@link correctBiases}, only where held-back samples agree.
 * @param parts which of its quantizers act
 */
export async function correctAlone(
  prepared: Model,
  placements: readonly UnitPlacement[],
  samples: readonly Feed[],
  settings: ExperimentSettings,
  parts: Parts = 'all',
  resume?: Resume<Means>,
): Promise<Map<string, Float32Array>> {
  const targets = placements.filter(
    ({ unit, integer }) =>
      integer && takesBias(unit) && (settings.wideTypeOf?.(unit.name) ?? null) === null,
  );
  const { model, taps } = localModel(prepared, targets, settings, parts);
  const index = new GraphIndex(model.graph);
  const units = targets.map(({ unit }) => unit);
  const channels = channelsOf(new GraphIndex(prepared.graph), units);
  const means = new Map<string, string>();
  const counts = new Map<string, number>();
  for (const unit of units)
    for (const side of ['exact', 'local'] as const) {
      const output = index.freshName(`${unit.name}.${side}.mean`);
      tapMeans(index, unit, taps.get(unit.name)!.own![side], output, channels.get(unit.name)!);
      means.set(`${side} ${unit.name}`, output);
      counts.set(`${side} ${unit.name}`, channels.get(unit.name)!);
    }
  const read = await readMeans(model, means, counts, samples, resume);
  const biases = new Map<string, Float32Array>();
  const exactIndex = new GraphIndex(prepared.graph);
  for (const unit of units) {
    const [exact, local] = [read.get(`exact ${unit.name}`)!, read.get(`local ${unit.name}`)!];
    const { delta, change } = correction(exact, local);
    if (change.kept) biases.set(unit.name, addTo(biasOf(exactIndex, prepared.dir, unit), delta));
  }
  return biases;
}
