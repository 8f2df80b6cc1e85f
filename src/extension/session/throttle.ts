/**
 * Joins patches that come quickly, so that a page is sent at most one message every `milliseconds`. The
 * first goes out at once; what follows waits, and nothing is lost.
 */
export class PatchThrottle<T extends object> {
  private waiting: Partial<T> | null = null;
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly send: (patch: Partial<T>) => void,
    private readonly milliseconds: number,
  ) {}

  push(patch: Partial<T>): void {
    if (this.timer) {
      this.waiting = { ...this.waiting, ...patch };
      return;
    }
    this.send(patch);
    this.timer = setTimeout(() => this.flush(), this.milliseconds);
  }

  /** Sends what waits now. */
  flush(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const patch = this.waiting;
    this.waiting = null;
    if (patch) this.push(patch);
  }

  dispose(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.waiting = null;
  }
}
