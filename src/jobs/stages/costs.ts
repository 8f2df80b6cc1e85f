import { noiseDb, type OutputSums } from '../../analyze/output-sums';
import { wholeSums, type WholeSumsState } from '../../analyze/sensitivity';
import { keyOf } from '../keys';
import { forgetUnfinished, Unfinished } from '../unfinished';
import type { OutputTask } from './layer-samples';
import type { Quantized } from './quantize';
import { wholeKey } from './whole';

/** Layers whose own noise is below this share are not worth a run that keeps just them. */
const WORTH_KEEPING = 0.01;
/** And of the others at most this many. */
const MOST_KEPT = 12;

/** Layers from the loudest on; those of which no share of the noise is known are the last, as they stand. */
export function loudest(layers: readonly string[], shares: ReadonlyMap<string, number>): string[] {
  return [...layers].sort((a, b) => (shares.get(b) ?? 0) - (shares.get(a) ?? 0));
}

/** Of these the ones that are worth it to be kept one at a time. */
export function worthKeeping(
  layers: readonly string[],
  shares: ReadonlyMap<string, number>,
): string[] {
  const worth = loudest(layers, shares).filter((name) => (shares.get(name) ?? 0) >= WORTH_KEEPING);
  return worth.slice(0, MOST_KEPT);
}

/**
 * Output SQNR gained by keeping just one more layer, measured for the layers that make noise. What was measured is stored by the
 * written model, and by the samples.
 * @param whole what the model's outputs lack with no further layer kept
 * @param keeping quantizes again with one more layer in FP32
 */
export async function costsStage(
  task: OutputTask,
  whole: OutputSums,
  shares: ReadonlyMap<string, number>,
  keeping: (layer: string) => Promise<Quantized>,
  deadline: number,
): Promise<Map<string, number>> {
  const { quantized, layerSamples, exact, context } = task;
  const { store, meter } = context;
  const key = wholeKey(task);
  const name = `costs.${key}`;
  const known = (await store.readState<Map<string, number>>(name)) ?? new Map<string, number>();
  const base = noiseDb(whole.noise);
  const integer = quantized.units.filter((u) => u.integer).map((u) => u.unit.name);
  const candidates = worthKeeping(integer, shares);
  let done = candidates.filter((layer) => known.has(layer)).length;
  await meter.begin('sensitivity', candidates.length, 'keeping one at a time', done);
  const costs = new Map<string, number>();
  if (integer.length < 2) return costs;
  for (const layer of candidates) {
    if (!known.has(layer)) {
      if (Date.now() > deadline) continue;
      const kept = await keeping(layer);
      const part = await Unfinished.open<WholeSumsState>(store, 'costs', keyOf(key, layer));
      const measuring = wholeSums(kept.model, layerSamples.feeds, exact, part);
      const { noise } = await measuring.finally(() => kept.release());
      known.set(layer, noiseDb(noise) - base);
      // it is stored before what was kept on the way goes
      await store.writeState(name, known);
      await part.finish();
      await meter.step(++done, candidates.length, 'keeping one at a time');
    }
    costs.set(layer, known.get(layer)!);
  }
  await forgetUnfinished(store, 'costs');
  return costs;
}
