/** The shared models. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** Models that are not part of the repository; tests over them are skipped where the folder is not there. */
export const SHARED = path.resolve(import.meta.dirname, '../../../shared/data');

/** Why a test over shared data is skipped, or undefined where it runs. */
export const noShared = existsSync(SHARED)
  ? undefined
  : 'the shared models (../shared/data) are not on this machine';

/** Every file below a folder of the shared data, as paths from that folder, sorted. */
export function sharedFiles(folder = '.', end = '.onnx'): string[] {
  if (noShared) return [];
  return readdirSync(path.join(SHARED, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(end))
    .map((name) => path.join(folder, name))
    .sort();
}
