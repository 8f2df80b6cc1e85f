import type { Meter } from './meter';
import type { Progress, Stage } from '../results';

/**
 * One count for parts that follow each other, whose own stages and counts are not of interest: done of the steps of all of them,
 * and the seconds that are left in all. A part whose result is stored already makes no step, and is passed by.
 */
export class PartsMeter {
  /** For the parts. */
  readonly meter: Meter;
  private at = 0;
  /** Of the steps that were made last. */
  private secondsAStep: number | null = null;

  /** @param steps of every part, as far as that is known before it begins: how many it has it says itself */
  constructor(
    meter: Meter,
    private readonly steps: number[],
    private readonly shown: { stage: Stage; detail: string },
  ) {
    this.meter = meter.within((inner) => this.whole(inner));
  }

  /** The part under way is done: what is counted now is the next one's. */
  next(): void {
    this.at++;
  }

  private whole(inner: Progress): Progress {
    const { done, total, etaSeconds } = inner;
    this.steps[this.at] = total;
    if (etaSeconds !== null && done < total) this.secondsAStep = etaSeconds / (total - done);
    const sum = (parts: readonly number[]) => parts.reduce((a, b) => a + b, 0);
    const left = total - done + sum(this.steps.slice(this.at + 1));
    return {
      ...inner,
      ...this.shown,
      done: sum(this.steps.slice(0, this.at)) + done,
      total: sum(this.steps),
      etaSeconds: this.secondsAStep === null ? null : this.secondsAStep * left,
    };
  }
}
