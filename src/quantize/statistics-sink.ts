/** Where the tensors of samples go to become statistics: into a thread of their own, or computed on the spot. */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { StatisticsData } from './statistics';
import { StatisticsCollector, type SamplePart, type SampleRange } from './statistics-collector';
import type { FromThread, ThreadData, ToThread } from './statistics-protocol';

/** Samples that may be in memory at once: one that runs, one that is looked at, and two that wait. */
const MOST_SAMPLES = 4;
/** Bytes that they may take together, unless one alone takes more. */
const SAMPLES_BYTES = 512 << 20;

/** How many samples of so many bytes are in memory at once, the one that runs among them: few where they are large. */
export function samplesAtOnce(bytes: number): number {
  return Math.max(1, Math.min(MOST_SAMPLES, Math.floor(SAMPLES_BYTES / Math.max(1, bytes))));
}

/** Room for what lives shortly in the thread. The engine would take more with every snapshot, and keep it. */
const YOUNG_MB = 4;

/** Takes samples and gives statistics. */
export interface StatisticsSink {
  readonly kind: 'thread' | 'inline';
  /** Resolves once another sample may come: memory stays flat however slow statistics are. */
  ready(): Promise<void>;
  /** Adds a sample. Its arrays are then no longer the caller's. */
  add(position: number, parts: (SamplePart | SampleRange)[]): void;
  /** Statistics of exactly the samples that were added before. */
  snapshot(): Promise<StatisticsData[]>;
  close(): Promise<void>;
}

/** The bundled script of the thread: beside the bundle that runs, or, where sources run, in dist/ once it is built. */
function threadFile(): string | null {
  for (const place of ['./statistics-thread.js', '../../dist/statistics-thread.js']) {
    const file = fileURLToPath(new URL(place, import.meta.url));
    if (existsSync(file)) return file;
  }
  return null;
}

/**
 * Opens a sink: a thread where there is a second core for it, which does not change a bit of the results.
 * @param how `inline` never starts a thread, `thread` does so on one core too
 */
export function openSink(
  data: ThreadData,
  how: 'thread' | 'inline' | 'auto' = 'auto',
): StatisticsSink {
  const wanted = how === 'thread' || (how === 'auto' && availableParallelism() > 1);
  const file = wanted ? threadFile() : null;
  return file === null ? new InlineSink(data) : new ThreadSink(file, data);
}

class InlineSink implements StatisticsSink {
  readonly kind = 'inline';
  private readonly collector: StatisticsCollector;

  constructor({ tensors, before, depth }: ThreadData) {
    this.collector = new StatisticsCollector(tensors, before, depth);
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  add(position: number, parts: (SamplePart | SampleRange)[]): void {
    this.collector.add(position, parts);
  }

  snapshot(): Promise<StatisticsData[]> {
    return Promise.resolve(this.collector.snapshot());
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class ThreadSink implements StatisticsSink {
  readonly kind = 'thread';
  private readonly worker: Worker;
  private readonly snapshots: ((data: StatisticsData[]) => void)[] = [];
  private underWay = 0;
  /** Bytes of the largest sample so far. */
  private largest = 0;
  private failure: Error | null = null;
  /** Called when anything came, or failed. */
  private waiting: (() => void)[] = [];

  constructor(file: string, data: ThreadData) {
    this.worker = new Worker(file, {
      workerData: data,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.worker.on('message', (message: FromThread) => this.onMessage(message));
    this.worker.on('error', (error) => this.fail(error));
    this.worker.on('exit', (code) => this.fail(new Error(`the statistics thread ended (${code})`)));
  }

  async ready(): Promise<void> {
    // the one that comes is in memory besides those under way
    while (this.underWay > samplesAtOnce(this.largest) - 1) await this.somethingCame();
    if (this.failure) throw this.failure;
  }

  add(position: number, parts: (SamplePart | SampleRange)[]): void {
    this.underWay++;
    const buffers = new Set(
      parts.flatMap((part) => ('data' in part ? [part.data.buffer as ArrayBuffer] : [])),
    );
    let bytes = 0;
    for (const { byteLength } of buffers) bytes += byteLength;
    this.largest = Math.max(this.largest, bytes);
    this.post({ kind: 'sample', position, parts }, [...buffers]);
  }

  async snapshot(): Promise<StatisticsData[]> {
    let data: StatisticsData[] | undefined;
    this.snapshots.push((found) => (data = found));
    this.post({ kind: 'snapshot' });
    while (!data) await this.somethingCame();
    return data;
  }

  async close(): Promise<void> {
    this.worker.removeAllListeners('exit');
    await this.worker.terminate();
  }

  private post(message: ToThread, transfer: ArrayBuffer[] = []): void {
    this.worker.postMessage(message, transfer);
  }

  private onMessage(message: FromThread): void {
    if (message.kind === 'snapshot') this.snapshots.shift()?.(message.data);
    else this.underWay--;
    this.wake();
  }

  private fail(error: Error): void {
    this.failure ??= error;
    this.wake();
  }

  private wake(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Resolves with the next message; throws if the thread has ended. */
  private async somethingCame(): Promise<void> {
    if (!this.failure) await new Promise<void>((resolve) => this.waiting.push(resolve));
    if (this.failure) throw this.failure;
  }
}
