import type { Feed } from '../../data';
import { weightBytes, type Model } from '../../onnx';
import { inferShapes } from '../../onnx/shapes';
import type { Depth } from '../../quantize/statistics';
import { samplesAtOnce } from '../../quantize/statistics-sink';
import type { CalibrationEstimate } from '../../results';

/** Statistics of one tensor: a histogram of 64-bit counts, and the pages of its four of 32 bits that get any. */
const STATISTICS_BYTES = 256 << 10;
/** The runtime's own copy of the weights, in the layout that its kernels want, beside the given one. */
const WEIGHT_COPIES = 2;
/** The second thread, the session's own, and what is decoded and not yet collected. */
const FIXED_BYTES = 64e6;
/** What is remembered of each sample: its mark, and its extremes at every tensor. */
const SAMPLE_BYTES = 1500;

/**
 * What a calibration will take, from the shapes of its first sample: the tensors that are looked at, as often as samples are
 * under way at once, their statistics, and the weights, besides what the process has now.
 */
export function estimateCalibration(
  model: Model,
  tensors: readonly string[],
  depth: Depth,
  feed: Feed,
  samples: number,
): CalibrationEstimate {
  const inputs = Object.fromEntries(Object.entries(feed).map(([n, v]) => [n, [...v.dims]]));
  const shapes = inferShapes(model, inputs);
  let values = 0;
  for (const name of tensors) {
    const shape = shapes.get(name)?.shape;
    if (shape?.every((d): d is number => typeof d === 'number'))
      values += shape.reduce((product, d) => product * d, 1);
  }
  // Extremes alone are computed inside the runtime, which keeps one sample.
  const times = depth === 'full' ? samplesAtOnce(4 * values) : 1;
  const statistics = depth === 'full' ? tensors.length * STATISTICS_BYTES : 0;
  return {
    tensors: tensors.length,
    sampleBytes: 4 * values,
    memory:
      process.memoryUsage.rss() +
      4 * values * times +
      FIXED_BYTES +
      SAMPLE_BYTES * samples +
      statistics +
      WEIGHT_COPIES * weightBytes(model),
  };
}
