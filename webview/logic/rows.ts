import type {
  LayerResult,
  LayerSummary,
  LayerTime,
  ModelSummary,
  Precision,
  RangeSummary,
  RunResult,
  Shape,
} from '../../src/protocol';
import { measuredLayers, type MeasuredLayer, type Measurement } from './measured';

/** A layer as every view shows it: what the file says and what the run found, in graph order. */
export interface LayerRow extends MeasuredLayer {
  index: number;
  name: string;
  op: string;
  kind: string;
  shape: Shape | null;
  macs: number | null;
  parameters: number | null;
  summary: LayerSummary | null;
  result: LayerResult | null;
  /** Range of the tensor that it leaves. */
  range: RangeSummary | null;
  /** `keep_fp32` keeps it now. */
  kept: boolean;
  /** The recipe now wants another precision than the result has. */
  pending: boolean;
  written: Precision | null;
  executed: Precision | null;
  /** The runtime executes another precision than the file says. */
  differs: boolean;
  local: number | null;
  accumulated: number | null;
  clip: number | null;
  used: number | null;
  /** Largest over smallest non-zero channel maximum of the weights. */
  weightSpan: number | null;
  /** What it takes of a run in both models. */
  time: LayerTime | null;
}

/** Ratio of the largest to the smallest non-zero channel maximum. */
export function weightSpan(channelMax: readonly number[] | null | undefined): number | null {
  if (!channelMax?.length) return null;
  let low = Infinity;
  let high = 0;
  for (const value of channelMax) {
    if (value > 0 && value < low) low = value;
    if (value > high) high = value;
  }
  return low < Infinity ? high / low : null;
}

/** Joins summary, result, recipe and what measuring the sensitivity of layers found by the layer's name. */
export function joinRows(
  summary: ModelSummary | null,
  result: RunResult | null,
  kept: readonly string[],
  measurement: Measurement | null = null,
): LayerRow[] {
  const noiseOf = measuredLayers(result, measurement);
  const results = new Map(result?.layers.map((layer) => [layer.name, layer]));
  const times = new Map(result?.latency?.profile?.layers.map((time) => [time.layer, time]));
  const ranges = new Map(result?.ranges.map((range) => [range.tensor, range]));
  const byProducer = new Map(result?.ranges.map((range) => [range.producer, range]));
  const keptNow = new Set(kept);
  const known = new Set(summary?.layers.map((layer) => layer.name));
  const extra = result?.layers.filter((layer) => !known.has(layer.name)) ?? [];
  const all: [string, LayerSummary | null][] = [
    ...(summary?.layers.map((layer): [string, LayerSummary] => [layer.name, layer]) ?? []),
    ...extra.map((layer): [string, null] => [layer.name, null]),
  ];
  return all.map(([name, layer], index) => {
    const found = results.get(name) ?? null;
    const isKept = keptNow.has(name);
    return {
      index,
      name,
      op: layer?.op ?? found?.op ?? '',
      kind: found?.kind ?? layer?.kind ?? '',
      shape: found?.outputShape ?? layer?.outputShape ?? null,
      macs: found?.macs ?? layer?.macs ?? null,
      parameters: layer?.parameters ?? null,
      summary: layer,
      result: found,
      range: (layer && ranges.get(layer.output)) ?? byProducer.get(name) ?? null,
      kept: isKept,
      pending: found !== null && (found.wish === 'keep') !== isKept,
      written: found?.precision ?? null,
      executed: found?.executed ?? null,
      differs: found?.executed != null && found.executed !== found.precision,
      local: found?.local?.sqnrDb ?? null,
      accumulated: found?.accumulated?.sqnrDb ?? null,
      ...noiseOf(name, found),
      clip: found?.clipRate ?? null,
      used: found?.utilisation ?? null,
      weightSpan: weightSpan(layer?.weight?.channelMax),
      time: times.get(name) ?? null,
    };
  });
}
