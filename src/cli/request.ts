import path from 'node:path';
import type { RecipeRequest, Requests } from '../jobs/protocol';
import type { WrittenFile } from '../jobs/written-file';
import type { Io } from './io';
import { ProgressWriter } from './progress';
import { makeRecipe } from './recipe';
import type { RecipeFlags } from './recipe-flags';

/** Asks the worker, with its progress on stderr unless that shall be quiet. */
export async function requestShowing<M extends keyof Requests>(
  { client, signal, stderr }: Io,
  quiet: boolean,
  method: M,
  params: Parameters<Requests[M]>[0],
): Promise<ReturnType<Requests[M]>> {
  const progress = quiet ? null : new ProgressWriter(stderr);
  try {
    return await client.request(method, params, {
      signal,
      onProgress: (step) => progress?.show(step),
    });
  } finally {
    progress?.end();
  }
}

/** The report that a command writes of the answer: what is read for it must not be that file. */
export function writesReport(file: string | null, cwd: string): { writes?: WrittenFile[] } {
  return file === null ? {} : { writes: [{ what: 'report', file: path.resolve(cwd, file) }] };
}

/** A recipe as it stands, or with flags one that they amount to. */
export function recipeOf(subject: string, flags: RecipeFlags | null, cwd: string): RecipeRequest {
  if (flags === null) return { recipePath: path.resolve(cwd, subject) };
  const made = makeRecipe(subject, flags, null, cwd);
  return { recipePath: made.path, text: made.text };
}
