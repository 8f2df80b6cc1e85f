/** What was found about a model, kept beside its recipe. Light: the extension host reads it. */
import { stat } from 'node:fs/promises';
import type { FusionMeasurement } from '../results';
import type { MixedPrecision } from '../results-mixed';
import type { SensitivityReport } from '../results-sensitivity';
import { Store } from './store';

/** What is kept, by the name of its document. */
export interface KeptValues {
  plans: MixedPrecision;
  gains: FusionMeasurement;
  sensitivity: SensitivityReport;
}

/** A document as it is stored. */
interface Stored<T> {
  format: 1;
  value: T;
  /** ISO time. */
  finishedAt: string;
  /** Text of the recipe that it was found with; null where none had a part in it. */
  recipe: string | null;
  /** The model's file, by what tells cheaply that it was written since. */
  file: FileMark;
}

interface FileMark {
  path: string;
  bytes: number;
  mtimeMs: number;
}

/** What was kept, and whether the model's file has been written, or has gone, since. */
export interface Kept<T> {
  value: T;
  finishedAt: string;
  recipe: string | null;
  modelChanged: boolean;
}

/** Keeps what was found, in place of what was before. @param file path of the model that it was found of */
export async function keepFound<W extends keyof KeptValues>(
  store: Store,
  what: W,
  value: KeptValues[W],
  recipe: string | null,
  file: string,
): Promise<void> {
  const { size, mtimeMs } = await stat(file);
  const finishedAt = new Date().toISOString();
  const mark = { path: file, bytes: size, mtimeMs };
  await store.write(what, { format: 1, value, finishedAt, recipe, file: mark } satisfies Stored<
    KeptValues[W]
  >);
}

/** What was kept beside a recipe; null where nothing was, or an older version kept it. */
export async function readKept<W extends keyof KeptValues>(
  recipePath: string,
  what: W,
): Promise<Kept<KeptValues[W]> | null> {
  const stored = await new Store(recipePath).read<Stored<KeptValues[W]>>(what);
  if (stored?.format !== 1) return null;
  const { value, finishedAt, recipe, file } = stored;
  // a file that has gone, or that cannot be looked at any more, is not the one that it was
  const now = await stat(file.path).catch(() => null);
  const modelChanged = now?.size !== file.bytes || now.mtimeMs !== file.mtimeMs;
  return { value, finishedAt, recipe, modelChanged };
}
