import path from 'node:path';
import { Memory } from '../../src/jobs/memory';
import type { RunRequest } from '../../src/jobs/protocol';
import { runRecipe } from '../../src/jobs/run';
import type { Progress, RunResult } from '../../src/results';

/** The worker's bundle, as people run it. */
export const WORKER = path.resolve(import.meta.dirname, '../../dist/worker.js');

export interface Ran {
  result: RunResult;
  progress: Progress[];
  partials: RunResult[];
  /** Stages in the order in which they began. */
  stages: string[];
}

/** Runs a recipe in this process. @param memory what an earlier run left in it */
export async function run(
  recipePath: string,
  request: Omit<RunRequest, 'recipePath'> = {},
  memory = new Memory(),
): Promise<Ran> {
  const progress: Progress[] = [];
  const partials: RunResult[] = [];
  const result = await runRecipe(
    { recipePath, ...request },
    memory,
    {
      progress: (p) => progress.push(p),
      partial: (r) => partials.push(structuredClone(r)),
    },
    WORKER,
  );
  const stages = progress.map((p) => p.stage).filter((s, i, all) => s !== all[i - 1]);
  return { result, progress, partials, stages };
}
