/** Times of single nodes, mapped back to the layers of the file. */
import type { Model } from '../../onnx';
import type { LatencyProfile } from '../../results';
import type { ProfiledPair } from '../../runtime/profile';
import type { OwnerParts } from '../node-owners';
import { causeOf, fixesOf } from './cause';
import { layerTimes } from './layer-times';
import { modelTime, sideOf } from './sides';

export { timedBreaks } from './break-times';

/**
 * Where both models spend their time, what keeps the written one from being faster, and which layers are better kept in FP32.
 * @param fp32 the graph that the runtime executes for the source; @param int8 the same for the written model
 * @param plain medians of both without the profiler
 */
export function latencyProfile(
  { reference, candidate, threads }: ProfiledPair,
  fp32: Model,
  int8: Model,
  parts: OwnerParts,
  plain: { fp32Ms: number; int8Ms: number },
): LatencyProfile {
  const [a, b] = [sideOf(reference, fp32, parts), sideOf(candidate, int8, parts)];
  const layers = layerTimes(a, b, parts);
  const written = modelTime(b, plain.int8Ms);
  const all = a.all + b.all;
  return {
    runs: Math.min(a.runs.length, b.runs.length),
    threads,
    fp32: modelTime(a, plain.fp32Ms),
    int8: written,
    layers,
    cause: causeOf(written, layers),
    fixes: fixesOf(layers, b, written),
    matched: all > 0 ? (a.found + b.found) / all : 1,
  };
}
