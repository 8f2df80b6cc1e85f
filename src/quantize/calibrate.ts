import type { Feed, Model } from '../onnx';
import { BodyReader } from './body-statistics/body-reader';
import { ExtremesReader } from './extremes/extremes-reader';
import { TensorStatistics, type Depth, type StatisticsData } from './statistics';
import { openSink, type StatisticsSink } from './statistics-sink';
import { TapReader } from './tap-reader';

/** Statistics by tensor. */
export type Statistics = Map<string, TensorStatistics>;

/** Keeps statistics of all samples so far; `done` counts the samples of this call that they hold. */
export type Save = (statistics: StatisticsData[], done: number) => Promise<void>;

/** Where a calibration goes on, and who hears of it. */
export interface CalibrateOptions {
  /** Called after every sample with how many are done in this call. */
  onSample?: (done: number) => void | Promise<void>;
  /** Position in the data of the i-th of `samples`; i itself by default. */
  positionOf?: (i: number) => number;
  /** Statistics of samples before these, one for each of `tensors` in their order. */
  before?: readonly StatisticsData[] | null;
  /** Called about every {@link saveEveryMs}, while samples go on; `before` is part of what it gets. */
  onSave?: Save;
  saveEveryMs?: number;
  /** What is kept of each tensor: everything, or minimum and maximum alone, which takes a fraction of the time. */
  depth?: Depth;
  /** A thread for the statistics; by default where there is a second core. It changes no result. */
  statistics?: 'thread' | 'inline' | 'auto';
}

/**
 * Runs samples through the FP32 model and keeps statistics of `tensors` (inner tensors and inputs alike, those inside If,
 * Loop and Scan too, whose names no other graph has), while a second thread computes them. One pass; memory does not grow with the
 * number of samples. Throws what running throws.
 */
export async function calibrate(
  model: Model,
  tensors: readonly string[],
  samples: AsyncIterable<Feed>,
  options: CalibrateOptions = {},
): Promise<Statistics> {
  const { before = null, positionOf = (i: number) => i, onSave, saveEveryMs = 1000 } = options;
  const { depth = 'full' } = options;
  // Extremes alone are computed by the runtime: there is nothing to do for a thread.
  const how = options.statistics ?? (depth === 'full' ? 'auto' : 'inline');
  const sink = openSink({ tensors, before, depth }, how);
  try {
    const reader = await (depth === 'full' ? TapReader : ExtremesReader).open(model, tensors);
    let bodies: BodyReader | null = null;
    try {
      bodies = await BodyReader.open(model, tensors);
      const saver = onSave ? new Saver(sink, onSave, saveEveryMs) : null;
      let done = 0;
      for await (const feed of samples) {
        await reader.read(feed, positionOf(done), sink);
        await bodies?.read(feed, positionOf(done), sink);
        done++;
        saver?.step(done);
        await options.onSample?.(done);
      }
      await saver?.end();
      const data = await sink.snapshot();
      return new Map(data.map((d) => [d.tensor, TensorStatistics.fromData(d)]));
    } finally {
      await reader.release();
      await bodies?.release();
    }
  } finally {
    await sink.close();
  }
}

/** Saves now and then, one at a time and without holding up the samples. */
class Saver {
  private last = Date.now();
  private running: Promise<void> | null = null;
  private failure: { error: unknown } | null = null;

  constructor(
    private readonly sink: StatisticsSink,
    private readonly save: Save,
    private readonly everyMs: number,
  ) {}

  /** Saves if it is time to. Throws what an earlier save threw. */
  step(done: number): void {
    this.refuse();
    if (this.running || Date.now() - this.last < this.everyMs) return;
    this.last = Date.now();
    this.running = this.sink
      .snapshot()
      .then((data) => this.save(data, done))
      .catch((error: unknown) => void (this.failure = { error }))
      .finally(() => (this.running = null));
  }

  /** Waits for what is under way. */
  async end(): Promise<void> {
    await this.running;
    this.refuse();
  }

  private refuse(): void {
    if (!this.failure) return;
    const { error } = this.failure;
    throw error instanceof Error ? error : new Error(String(error));
  }
}
