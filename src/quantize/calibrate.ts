import type { Feed, Model } from '../onnx';
import { TensorStatistics, type StatisticsData } from './statistics';
import { openSink } from './statistics-sink';
import { TapReader } from './tap-reader';

/** Statistics by tensor. */
export type Statistics = Map<string, TensorStatistics>;

/** Where a calibration goes on, and who hears of it. */
export interface CalibrateOptions {
  /** Called after every sample with how many are done in this call. */
  onSample?(done: number): void | Promise<void>;
  /** Position in the data of the i-th of `samples`; i itself by default. */
  positionOf?(i: number): number;
  /** Statistics of samples before these, one for each of `tensors` in their order. */
  before?: readonly StatisticsData[];
  /**
   * Called about every {@link saveEveryMs} with the statistics of all samples so far, `before` included, and how many
   * samples of this call they hold.
   */
  onSave?(statistics: StatisticsData[], done: number): Promise<void>;
  saveEveryMs?: number;
  /** A thread for the statistics; by default where there is a second core. It changes no result. */
  statistics?: 'thread' | 'inline' | 'auto';
}

/**
 * Runs samples through the FP32 model and keeps statistics of `tensors` (inner tensors and inputs alike), while a second
 * thread computes them. One pass; memory does not grow with the number of samples. Throws what running throws.
 */
export async function calibrate(
  model: Model,
  tensors: readonly string[],
  samples: AsyncIterable<Feed>,
  options: CalibrateOptions = {},
): Promise<Statistics> {
  const { before = null, positionOf = (i) => i, onSave, saveEveryMs = 1000 } = options;
  const sink = openSink({ tensors, before, depth: 'full' }, options.statistics);
  try {
    const reader = await TapReader.open(model, tensors);
    try {
      let done = 0;
      let saving: Promise<void> | null = null;
      let failed: unknown = null;
      let saved = Date.now();
      const save = async (count: number) => onSave!(await sink.snapshot(), count);
      for await (const feed of samples) {
        await reader.read(feed, positionOf(done), sink);
        await options.onSample?.(++done);
        if (failed) throw failed;
        if (!onSave || saving || Date.now() - saved < saveEveryMs) continue;
        saved = Date.now();
        saving = save(done)
          .catch((error: unknown) => (failed = error))
          .then(() => void (saving = null));
      }
      await saving;
      if (failed) throw failed;
      const data = await sink.snapshot();
      return new Map(data.map((d) => [d.tensor, TensorStatistics.fromData(d)]));
    } finally {
      await reader.release();
    }
  } finally {
    await sink.close();
  }
}
