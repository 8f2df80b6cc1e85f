import { setFlagsFromString } from 'node:v8';
import { setTimeout } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';

/** Time to give back the buffers of dead arrays. */
const SWEEP_MS = 50;

let collect: (() => void) | null = null;

/**
 * Frees memory that nothing refers to any more. The engine cannot know that the runtime, outside its heap, is about to take
 * hundreds of megabytes; with a large model that decides about the peak.
 */
export async function collectGarbage(): Promise<void> {
  if (!collect) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  // buffers are given back behind the collector's back; a second round waits for the first
  collect();
  await setTimeout(SWEEP_MS);
  collect();
}
