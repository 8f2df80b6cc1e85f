import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** True if a path has wildcards: `*`, `?`, `[…]` or `{…,…}`. */
export function isGlob(pattern: string): boolean {
  return /[*?[]|\{[^}]*,/.test(pattern);
}

/** Case counts where it counts in file names. */
const FLAGS = process.platform === 'win32' || process.platform === 'darwin' ? 'iu' : 'u';

/**
 * Files and folders that match a pattern, absolute, sorted by code unit. `*` and `?` stay within a name,
 * `**` is any number of folders, `[a-z]` one of some characters (`[!…]` none of them), `{a,b}` alternatives. Names that start with a
 * dot match only where the pattern has the dot. A pattern that matches nothing gives an empty list.
 */
export async function glob(pattern: string, baseDir: string): Promise<string[]> {
  const found = new Set<string>();
  for (const option of braces(pattern.replaceAll('\\', '/'))) {
    const parts = option.split('/');
    const first = parts.findIndex(isGlob);
    const fixed = first < 0 ? parts : parts.slice(0, first);
    // '/' alone means the root of the file system, not the current folder
    const start = resolve(baseDir, fixed.join('/') || (option.startsWith('/') ? '/' : '.'));
    await walk(start, first < 0 ? [] : parts.slice(first), found);
  }
  return [...found].sort();
}

async function walk(at: string, parts: string[], found: Set<string>): Promise<void> {
  const [part, ...rest] = parts;
  if (part === undefined) {
    found.add(at);
    return;
  }
  if (part === '') return walk(at, rest, found);
  if (part === '**') {
    await walk(at, rest, found);
    for (const entry of await entries(at))
      if (entry.isDirectory() && !entry.name.startsWith('.'))
        await walk(join(at, entry.name), parts, found);
    return;
  }
  const matches = nameMatcher(part);
  for (const entry of await entries(at)) {
    if (!matches(entry.name)) continue;
    if (rest.length === 0) found.add(join(at, entry.name));
    else if (!entry.isFile()) await walk(join(at, entry.name), rest, found);
  }
}

async function entries(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch {
    return []; // not there, or not a folder: matches nothing
  }
}

function nameMatcher(part: string): (name: string) => boolean {
  const source = part.replace(/\[(!?)([^\]]+)\]|[\s\S]/g, (token, not?: string, set?: string) => {
    if (set !== undefined) return `[${not ? '^' : ''}${set.replace(/[\\^[\]]/g, '\\$&')}]`;
    if (token === '*') return '.*';
    if (token === '?') return '.';
    return token.replace(/[.+^${}()|[\]\\/]/g, '\\$&');
  });
  const pattern = new RegExp(`^${source}$`, FLAGS);
  return (name) => (part.startsWith('.') || !name.startsWith('.')) && pattern.test(name);
}

/** Every alternative that the braces of a pattern stand for. */
function braces(pattern: string): string[] {
  const match = /\{([^{}]*,[^{}]*)\}/.exec(pattern);
  if (!match) return [pattern];
  const [whole, inside = ''] = match;
  const [before, after] = [
    pattern.slice(0, match.index),
    pattern.slice(match.index + whole.length),
  ];
  return inside.split(',').flatMap((option) => braces(before + option + after));
}
