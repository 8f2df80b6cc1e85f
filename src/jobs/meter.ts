import type { CalibrationEstimate, Progress, Stage } from '../results';

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
  private lastBreath = 0;
  /** Steps that were done before this stage began. */
  private before = 0;
  private estimate: CalibrationEstimate | null = null;

  constructor(private readonly send: (progress: Progress) => void) {}

  /** A meter for steps within a step: what it counts is said as `report` makes of it. */
  within(report: (inner: Progress) => Progress): Meter {
    return new Meter((inner) => this.send(report(inner)));
  }

  /** Begins a stage of `total` steps. @param before steps that an earlier run did, and that tell nothing of time */
  async begin(stage: Stage, total: number, detail?: string, before = 0): Promise<void> {
    this.stage = stage;
    this.started = Date.now();
    this.lastSent = 0;
    this.before = before;
    this.estimate = null;
    await this.step(before, total, detail);
  }

  /** Says at once what this stage will take; every later report repeats it. */
  async expect(estimate: CalibrationEstimate, done: number, total: number): Promise<void> {
    this.estimate = estimate;
    this.lastSent = 0;
    await this.step(done, total);
  }

  /** Reports that `done` of `total` steps are finished. */
  async step(done: number, total: number, detail?: string): Promise<void> {
    const now = Date.now();
    if (now - this.lastSent < INTERVAL_MS && done < total && done > this.before) return;
    this.lastSent = now;
    const elapsed = (now - this.started) / 1000;
    const made = done - this.before;
    this.send({
      stage: this.stage,
      done,
      total,
      etaSeconds: made > 0 && elapsed > 0.2 ? (elapsed / made) * (total - done) : null,
      memory: process.memoryUsage.rss(),
      ...(detail === undefined ? {} : { detail }),
      ...(this.estimate ? { estimate: this.estimate } : {}),
    });
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets the event loop go round where the last message is long ago. */
  async breathe(): Promise<void> {
    if (Date.now() - this.lastBreath < INTERVAL_MS) return;
    this.lastBreath = Date.now();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
