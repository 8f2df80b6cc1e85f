import { performance } from 'node:perf_hooks';
import type { Feed, Model } from '../onnx';
import { openModel } from '../runtime/open-model';
import type { Resume } from '../resume';
import {
  OutputSums,
  scoresIn,
  type ExactOutputs,
  type OutputNoise,
  type OutputSumsData,
} from './output-sums';

/** Runs a model on feeds and sums the noise at its outputs. */
export async function outputNoise(
  model: Model,
  feeds: readonly Feed[],
  exact: ExactOutputs,
): Promise<OutputNoise> {
  return (await wholeSums(model, feeds, exact)).noise;
}

/** What {@link wholeSums} has of the first samples. */
export interface WholeSumsState {
  done: number;
  sums: OutputSumsData;
}

/** Runs a whole model on samples and sums what its outputs lack. */
export async function wholeSums(
  model: Model,
  feeds: readonly Feed[],
  exact: ExactOutputs,
  resume?: Resume<WholeSumsState>,
): Promise<OutputSums> {
  const before = resume?.before;
  const session = await openModel(model);
  const sums = before ? OutputSums.fromData(before.sums) : new OutputSums();
  try {
    for (let i = before?.done ?? 0; i < feeds.length; i++) {
      const got = await session.run(feeds[i]!);
      sums.add(exact[i]!, got, scoresIn(got, session.outputs));
      await resume?.step(() => ({ done: i + 1, sums: sums.toData() }));
    }
  } finally {
    await session.release();
  }
  return sums;
}

/** What a search over layers may cost, and how to stop it. */
export interface LayerLoop<T = OutputNoise> {
  /** Seconds after which the remaining layers stay unmeasured. */
  budgetSeconds: number;
  /** Called before each layer; may pause. */
  onLayer?(done: number, total: number): void | Promise<void>;
  /** What is known from an earlier, interrupted run. */
  known?: ReadonlyMap<string, T>;
  /** Called with each new value, so that it can be stored. */
  onMeasured?(layer: string, found: T): void;
  /** Called between samples: a moment to breathe. */
  onStep?(): void | Promise<void>;
}

/** Measures layer after layer until the budget is spent. */
export async function eachLayer<T>(
  layers: readonly string[],
  loop: LayerLoop<T>,
  measure: (layer: string) => Promise<T>,
): Promise<Map<string, T>> {
  const start = performance.now();
  const result = new Map<string, T>();
  for (const [i, layer] of layers.entries()) {
    await loop.onLayer?.(i, layers.length);
    const known = loop.known?.get(layer);
    if (known !== undefined) {
      result.set(layer, known);
      continue;
    }
    if ((performance.now() - start) / 1000 > loop.budgetSeconds) continue;
    const found = await measure(layer);
    result.set(layer, found);
    loop.onMeasured?.(layer, found);
  }
  await loop.onLayer?.(layers.length, layers.length);
  return result;
}
