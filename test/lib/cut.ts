/** Computations that are cut off after a step and gone on with. */
import { deserialize, serialize } from 'node:v8';
import { expect } from 'vitest';
import type { Resume } from '../../src/resume';

class CutOff extends Error {}

/** Counts steps; after the `at`-th it keeps the state as a file would, and the computation ends there. */
class Cut<S> implements Resume<S> {
  steps = 0;
  kept: S | null = null;

  constructor(
    readonly before: S | null = null,
    private readonly at = Infinity,
  ) {}

  step(state: () => S): void {
    if (++this.steps < this.at) return;
    this.kept = deserialize(serialize(state())) as S;
    throw new CutOff();
  }
}

/**
 * Computes as a whole, then cut off after each of its steps: what goes on from there must give the very same, bit by bit, and
 * make none of the steps again.
 */
export async function cutEverywhere<R>(
  compute: (resume: Resume<never>) => Promise<R>,
): Promise<{ whole: R; steps: number }> {
  const all = new Cut<never>();
  const whole = await compute(all);
  for (let at = 1; at <= all.steps; at++) {
    const first = new Cut<never>(null, at);
    await expect(compute(first)).rejects.toBeInstanceOf(CutOff);
    const second = new Cut<never>(first.kept);
    const gone = await compute(second);
    expect(gone, `cut off after step ${at}`).toStrictEqual(whole);
    expect([at, second.steps]).toEqual([at, all.steps - at]);
  }
  return { whole, steps: all.steps };
}
