import { performance } from 'node:perf_hooks';
import { floatsOf } from '../data';
import { sqnrDb } from '../numeric';
import type { Feed, Model } from '../onnx';
import { onlyThisModel, type ExperimentSettings } from '../quantize/experiments';
import type { UnitPlacement } from '../quantize/placement';
import { openModel } from '../runtime/open-model';

/** Signal and noise at the outputs of the model, summed over samples and float outputs. */
export interface OutputNoise {
  signal: number;
  noise: number;
}

/** The exact outputs of every sample, to compare with. */
export type ExactOutputs = readonly Readonly<Record<string, Float32Array>>[];

/** Runs a model on feeds and sums the noise at its outputs. */
export async function outputNoise(
  model: Model,
  feeds: readonly Feed[],
  exact: ExactOutputs,
): Promise<OutputNoise> {
  const session = await openModel(model);
  const sums = new Map<string, OutputNoise>();
  try {
    for (const [i, feed] of feeds.entries()) {
      const got = await session.run(feed);
      for (const [name, reference] of Object.entries(exact[i]!)) {
        const values = floatsOf(got[name]);
        if (!values) continue;
        let sum = sums.get(name);
        if (!sum) sums.set(name, (sum = { signal: 0, noise: 0 }));
        for (let k = 0; k < reference.length; k++) {
          const x = reference[k]!;
          const d = x - values[k]!;
          sum.signal += x * x;
          sum.noise += d * d;
        }
      }
    }
  } finally {
    await session.release();
  }
  return acrossOutputs([...sums.values()]);
}

/** Outputs of different size and scale count alike: each is normalised to its own power. */
export function acrossOutputs(outputs: readonly OutputNoise[]): OutputNoise {
  return outputs.reduce<OutputNoise>(
    (sum, o) => ({
      signal: sum.signal + 1,
      noise: sum.noise + (o.signal > 0 ? o.noise / o.signal : 0),
    }),
    { signal: 0, noise: 0 },
  );
}

/** Noise-to-signal as SQNR in dB. */
export function noiseDb(noise: OutputNoise): number {
  return sqnrDb(noise.signal, noise.noise);
}

/** What a search over layers may cost, and how to stop it. */
export interface LayerLoop {
  /** Seconds after which the remaining layers stay unmeasured. */
  budgetSeconds: number;
  /** Called before each layer; may pause. */
  onLayer?(done: number, total: number): void | Promise<void>;
  /** What is known from an earlier, interrupted run. */
  known?: ReadonlyMap<string, OutputNoise>;
  /** Called with each new value, so that it can be stored. */
  onMeasured?(layer: string, noise: OutputNoise): void;
}

/**
 * Sensitivity of every integer layer, one by one: the noise at the output when only this layer is quantized.
 * Largest weights first is no better order than any, so layers go in graph order. @returns what was measured in the budget
 */
export async function onlyThisNoise(
  prepared: Model,
  placements: readonly UnitPlacement[],
  settings: ExperimentSettings,
  feeds: readonly Feed[],
  exact: ExactOutputs,
  loop: LayerLoop,
): Promise<Map<string, OutputNoise>> {
  const units = new Map(placements.filter((p) => p.integer).map((p) => [p.unit.name, p.unit]));
  return eachLayer([...units.keys()], loop, (name) =>
    outputNoise(onlyThisModel(prepared, units.get(name)!, settings), feeds, exact),
  );
}

/** Measures layer after layer until the budget is spent. */
export async function eachLayer(
  layers: readonly string[],
  loop: LayerLoop,
  measure: (layer: string) => Promise<OutputNoise>,
): Promise<Map<string, OutputNoise>> {
  const start = performance.now();
  const result = new Map<string, OutputNoise>();
  for (const [i, layer] of layers.entries()) {
    await loop.onLayer?.(i, layers.length);
    const known = loop.known?.get(layer);
    if (known) {
      result.set(layer, known);
      continue;
    }
    if ((performance.now() - start) / 1000 > loop.budgetSeconds) continue;
    const noise = await measure(layer);
    result.set(layer, noise);
    loop.onMeasured?.(layer, noise);
  }
  await loop.onLayer?.(layers.length, layers.length);
  return result;
}
