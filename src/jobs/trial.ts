/** Files beside the output while it is being made. */
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { removeOldData, Spool, weightBytes, type Model } from '../onnx';
import type { JobContext } from './context';

/** What all of them begin with: who finds a killed job removes them by it. */
export function trialFile(output: string): string {
  return path.join(path.dirname(output), `.${path.basename(output)}.${process.pid}.tmp`);
}

/** Lets `use` write a model among the results of a recipe, and removes it and its data file afterwards. */
export async function inTrialFile<T>(
  context: Pick<JobContext, 'store' | 'temporary'>,
  what: string,
  use: (file: string) => Promise<T>,
): Promise<T> {
  const { file, remove } = await openTrialFile(context, what);
  try {
    return await use(file);
  } finally {
    await remove();
  }
}

/** A place for a model among the results of a recipe, and what removes it and its data file. */
export async function openTrialFile(
  { store, temporary }: Pick<JobContext, 'store' | 'temporary'>,
  what: string,
): Promise<{ file: string; remove: () => Promise<void> }> {
  const file = store.file(what).replace(/\.json$/, '.onnx.tmp');
  temporary(file);
  await mkdir(path.dirname(file), { recursive: true });
  const remove = async () => {
    await rm(file, { force: true });
    await removeOldData(path.dirname(file), path.basename(file), null);
  };
  return { file, remove };
}

/** Weights of more bytes are not kept in memory while a model is written. */
export const LARGE_BYTES = 256 << 20;

/** True for a model whose weights should not be in memory together. */
export function isLarge(model: Model): boolean {
  return weightBytes(model) > LARGE_BYTES;
}

let count = 0;

/** A file beside the output for what is made of a large model; null where memory will do. */
export function spoolFor(model: Model, output: string): Spool | null {
  return isLarge(model) ? new Spool(`${trialFile(output)}.spool-${++count}`) : null;
}
