import { VernierError } from '../errors';
import { loadModel, ScopedIndex } from '../onnx';
import type { WeightDetail } from '../results';
import { lookAt, type Look, type LookOptions } from './look';
import { summarizeWeight, weightRange, weightValues } from './weights';

/** Bins of a histogram of weights. */
const BINS = 96;

/**
 * The weights of one layer after folding, with their histogram. Scales are null: they belong to a written model.
 * Throws `model.missing-initializer` where there is no such layer, or no constant weight.
 */
export async function weightDetail(
  file: string,
  layer: string,
  options: LookOptions = {},
): Promise<WeightDetail> {
  return weightDetailOf(await lookAt(await loadModel(file), options), layer);
}

/** The same from a look that has been taken already. A node that was folded or absorbed answers with its host's. */
export function weightDetailOf(look: Look, layer: string): WeightDetail {
  const host = look.context.hostOf(layer);
  const unit = look.units.find((u) => u.name === host);
  const index = new ScopedIndex(look.model.graph).of(unit?.body);
  const weight = unit ? weightValues(look.model, index, unit) : null;
  if (!weight)
    throw new VernierError(
      'model.missing-initializer',
      unit ? `'${layer}' has no constant weights.` : `There is no layer '${layer}'.`,
      { node: layer, remedy: 'Choose a layer that has weights, e.g. a Conv or a Gemm.' },
    );
  const summary = summarizeWeight(weight);
  const { min, max } = weightRange(weight);
  return {
    ...summary,
    layer: host,
    ...histogram(weight.values, summary.min, summary.max),
    channelMin: min,
    channelTop: max,
    scales: null,
  };
}

/** Equal bins from the smallest to the largest finite value; the largest falls into the last one. */
function histogram(
  values: Float32Array,
  low: number,
  high: number,
): { edges: number[]; counts: number[] } {
  const width = (high - low) / BINS || 1;
  const counts = new Array<number>(BINS).fill(0);
  for (const x of values) {
    const bin = Math.floor((x - low) / width);
    if (Number.isFinite(x)) counts[Math.max(0, Math.min(BINS - 1, bin))]!++;
  }
  const edges = Array.from({ length: BINS + 1 }, (_, i) =>
    i === BINS && high > low ? high : low + width * i,
  );
  return { edges, counts };
}
