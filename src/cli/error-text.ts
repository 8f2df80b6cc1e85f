import path from 'node:path';
import type { ErrorData } from '../errors';

/** An error for people: what, where, and what to do. */
export function errorText(error: ErrorData, cwd: string): string {
  const lines = [`error: ${error.message}`];
  const place = [
    error.file === undefined
      ? null
      : `in ${shortPath(error.file, cwd)}${error.line ? `:${error.line}` : ''}`,
    error.node === undefined ? null : `node ${error.node}`,
    error.tensor === undefined ? null : `tensor ${error.tensor}`,
  ].filter((part) => part !== null);
  if (place.length > 0) lines.push(`  ${place.join(', ')}`);
  if (error.remedy) lines.push(`  ${error.remedy}`);
  if (error.code === 'internal') lines.push('  This is a mistake of ours: please report it.');
  return lines.join('\n');
}

/** A path as one would type it here: relative where that is shorter. */
export function shortPath(file: string, cwd: string): string {
  const relative = path.relative(cwd, path.resolve(cwd, file)) || '.';
  return relative.length < file.length ? relative : file;
}
