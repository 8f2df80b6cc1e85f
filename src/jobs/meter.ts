import type { Progress, Stage } from '../results';

/** Progress messages are at least this far apart. */
const INTERVAL_MS = 80;

/**
 * Turns counts into progress with an ETA and lets the event loop breathe, so that messages leave while the
 * runtime keeps the thread busy.
 */
export class Meter {
  private stage: Stage = 'read';
  private started = 0;
  private lastSent = 0;

  constructor(private readonly send: (progress: Progress) => void) {}

  /** Begins a stage of `total` steps. */
  async begin(stage: Stage, total: number, detail?: string): Promise<void> {
    this.stage = stage;
    this.started = Date.now();
    this.lastSent = 0;
    await this.step(0, total, detail);
  }

  /** Reports that `done` of `total` steps are finished. */
  async step(done: number, total: number, detail?: string): Promise<void> {
    const now = Date.now();
    if (now - this.lastSent < INTERVAL_MS && done < total && done > 0) return;
    this.lastSent = now;
    const elapsed = (now - this.started) / 1000;
    this.send({
      stage: this.stage,
      done,
      total,
      etaSeconds: done > 0 && elapsed > 0.2 ? (elapsed / done) * (total - done) : null,
      memory: process.memoryUsage.rss(),
      ...(detail === undefined ? {} : { detail }),
    });
    await new Promise((resolve) => setImmediate(resolve));
  }
}
