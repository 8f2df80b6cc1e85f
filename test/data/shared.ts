import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Fixtures made by test/data/fixtures/make.py. */
export const fixture = (name: string) => join(import.meta.dirname, 'fixtures', name);

/** The open data beside the repository; tests that need it are skipped, and say so, where it is not there. */
export const shared = resolve(import.meta.dirname, '../../../shared/data');
export const hasShared = existsSync(join(shared, 'data'));
if (!hasShared) console.warn('skipped: there is no ../shared/data');

export interface Golden {
  pillow: string;
  decoded: Record<string, { size: [number, number]; sha256: string }>;
  resized: { filter: string; size: [number, number]; channels: 1 | 3; sha256: string }[];
  colors: Record<'gray' | 'y' | 'bgr', string>;
  crops: { size: [number, number]; sha256: string }[];
  real: { recipe: string; file: string; sha256: string }[];
  mobilenet_all: string;
}
/** What Pillow and NumPy make of the fixtures: one table a line. */
export const golden = Object.assign(
  {},
  ...readFileSync(fixture('golden.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object),
) as Golden;
