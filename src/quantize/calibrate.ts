import type { Feed, Model } from '../onnx';
import { openTapped } from '../runtime/taps';
import { TensorStatistics } from './statistics';

/** Statistics by tensor. */
export type Statistics = Map<string, TensorStatistics>;

/** Float32 results of a model, and the graph inputs, are what a calibration can see. */
export interface CalibrateOptions {
  /** Called after every sample. */
  onSample?(done: number): void | Promise<void>;
}

/**
 * Runs samples through the FP32 model and keeps statistics of `tensors` (inner tensors and inputs alike).
 * One pass; memory does not grow with the number of samples. Throws what running throws.
 */
export async function calibrate(
  model: Model,
  tensors: readonly string[],
  samples: AsyncIterable<Feed>,
  options: CalibrateOptions = {},
): Promise<Statistics> {
  const inputs = new Set(model.graph.input.map((v) => v.name));
  const statistics: Statistics = new Map(tensors.map((name) => [name, new TensorStatistics(name)]));
  const { session, tapped } = await openTapped(
    model,
    tensors.filter((name) => !inputs.has(name)),
  );
  try {
    let done = 0;
    for await (const feed of samples) {
      const results = await session.run(feed, tapped.length > 0 ? tapped : undefined);
      for (const name of tapped) {
        const value = results[name];
        if (value) statistics.get(name)!.add(value);
      }
      for (const name of tensors) {
        const value = inputs.has(name) ? feed[name] : undefined;
        if (value) statistics.get(name)!.add(value);
      }
      await options.onSample?.(++done);
    }
  } finally {
    await session.release();
  }
  return statistics;
}
