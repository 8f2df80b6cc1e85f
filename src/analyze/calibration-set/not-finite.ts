import { topologicalOrder, type Model } from '../../onnx';
import type { Statistics } from '../../quantize/calibrate';
import type { Note } from '../../results';
import { firstNames } from './sample-marks';

/**
 * Where NaN and infinity first come to light in a model: the first of its tensors, in the order in which they are computed,
 * and the samples. What comes after it may be no more than a consequence. Null where every value is finite.
 */
export function firstNotFinite(
  { graph }: Model,
  statistics: Statistics,
  nameAt: (position: number) => string,
): Note | null {
  const order = [
    ...graph.input.map((v) => v.name),
    ...topologicalOrder(graph).flatMap((node) => node.output),
  ];
  const bad = [...statistics.values()].filter((s) => s.notFinite > 0);
  if (bad.length === 0) return null;
  const names = new Set(bad.map((s) => s.tensor));
  const tensor = order.find((name) => names.has(name)) ?? bad[0]!.tensor;
  const { notFiniteAt, samples } = statistics.get(tensor)!;
  const rest = bad.length - 1;
  return {
    code: 'calibration-not-finite',
    severity: 'warning',
    message: `'${tensor}' is NaN or infinite in ${notFiniteAt.length} of ${samples} calibration samples: ${firstNames(notFiniteAt, nameAt)}${rest > 0 ? `; ${rest} ${rest === 1 ? 'tensor' : 'tensors'} besides` : ''}.`,
    tensor,
    remedy: graph.input.some((v) => v.name === tensor)
      ? 'Take these samples out, or fill the gaps as it was done in training.'
      : 'It is the first where this shows: look at these samples, and at what computes it.',
  };
}
