// fast-check as every test uses it: the same cases in each run, so that a build that turns red does so for
// what was changed. Other and more cases are asked for by hand, and a case that fails there is mended:
//   SEED=42 RUNS=20 npm run unit      20 times as many cases, from seed 42
import fc from 'fast-check';
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** What vitest.config.mts read from SEED and RUNS. */
    properties: { seed: number; times: number };
  }
}

const { seed, times } = inject('properties');

/** `count` cases, or as many times that as `RUNS` says. */
export const runs = (count: number) => count * times;

fc.configureGlobal({ seed, numRuns: runs(100) });

export default fc;
