import { noiseDb, type ExactOutputs, type OutputNoise } from '../../analyze/output-sums';
import { wholeSums, type WholeSumsState } from '../../analyze/sensitivity';
import { modelHash, type Model } from '../../onnx';
import { runtimeVersion } from '../../runtime/session';
import type { JobContext } from '../context';
import { ENGINE_VERSION, keyOf, processor } from '../keys';
import { forgetUnfinished, Unfinished } from '../unfinished';
import { layerSamplesKey, type LayerSamples } from './layer-samples';
import type { Quantized } from './quantize';

/** Layers whose own noise is below this share are not worth a run that keeps just them. */
const WORTH_KEEPING = 0.01;
/** And of the others at most this many. */
const MOST_KEPT = 12;

/** What is known of a quantized model: its noise, and what keeping single layers gains in dB. */
interface StoredCosts {
  base: OutputNoise | null;
  costs: Map<string, number>;
}

/**
 * Output SQNR gained by keeping just one more layer, measured for the layers that make noise. What was measured is stored by the
 * written model, which says in its metadata all that it was made of, and by the samples.
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
  const { store, meter } = context;
  const key = keyOf(
    ...['costs', ENGINE_VERSION, runtimeVersion(), processor()],
    ...[modelHash(quantized.model), layerSamplesKey(samples)],
  );
  const name = `costs.${key}`;
  const known: StoredCosts = (await store.readState<StoredCosts>(name)) ?? {
    base: null,
    costs: new Map<string, number>(),
  };
  /** Sums the noise of a model; it is stored before what was kept on the way goes. */
  const measure = async (model: Model, layer: string | null, keep: (n: OutputNoise) => void) => {
    const part = await Unfinished.open<WholeSumsState>(store, 'costs', keyOf(key, layer));
    const { noise } = await wholeSums(model, samples.feeds, exact, part);
    keep(noise);
    await store.writeState(name, known);
    await part.finish();
  };
  if (!known.base) await measure(quantized.model, null, (noise) => (known.base = noise));
  const base = noiseDb(known.base!);
  const candidates = quantized.units
    .filter((u) => u.integer && (shares.get(u.unit.name) ?? 0) >= WORTH_KEEPING)
    .map((u) => u.unit.name)
    .sort((a, b) => shares.get(b)! - shares.get(a)!)
    .slice(0, MOST_KEPT);
  let done = candidates.filter((layer) => known.costs.has(layer)).length;
  await meter.begin('sensitivity', candidates.length, 'keeping one at a time', done);
  const costs = new Map<string, number>();
  if (quantized.units.filter((u) => u.integer).length < 2) return costs;
  for (const layer of candidates) {
    if (!known.costs.has(layer)) {
      if (Date.now() > deadline) continue;
      const kept = await keeping(layer);
      const keep = (noise: OutputNoise) => known.costs.set(layer, noiseDb(noise) - base);
      await measure(kept.model, layer, keep).finally(() => kept.release());
      await meter.step(++done, candidates.length, 'keeping one at a time');
    }
    costs.set(layer, known.costs.get(layer)!);
  }
  await forgetUnfinished(store, 'costs');
  return costs;
}
