import path from 'node:path';
import { VernierError } from '../errors';

/** A command line taken apart: what stands by itself, and flags in order. */
export interface Tokens {
  positionals: string[];
  flags: { name: string; value: string | true }[];
}

/** Flags that take no value. */
const SWITCHES = new Set([
  'json',
  'quiet',
  'help',
  'version',
  'time',
  'write',
  'untimed',
  'measure',
]);
/** Commands in which a switch of others has a value. */
const VALUES: Readonly<Record<string, string>> = { sensitivity: 'measure' };
const SHORT: Readonly<Record<string, string>> = {
  h: 'help',
  V: 'version',
  q: 'quiet',
  o: 'output',
};

/**
 * Takes a command line apart: `--key value`, `--key=value`, `-o value`, switches, and `--` before names that begin with a
 * dash. Which flags there are is decided later. Throws `cli.usage` for a flag without its value.
 */
export function tokenize(args: readonly string[]): Tokens {
  const tokens: Tokens = { positionals: [], flags: [] };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === '--') {
      tokens.positionals.push(...args.slice(i + 1));
      break;
    }
    const long = /^--([^=]+)(?:=([\s\S]*))?$/.exec(arg);
    const short = /^-([A-Za-z])(?:=?([\s\S]+))?$/.exec(arg);
    if (!long && !short) {
      tokens.positionals.push(arg);
      continue;
    }
    const name = long ? long[1]! : SHORT[short![1]!];
    if (name === undefined) throw usage(`There is no flag ${arg}.`, 'See vernier --help.');
    const attached = (long ?? short)![2];
    if (SWITCHES.has(name) && VALUES[tokens.positionals[0] ?? ''] !== name) {
      if (attached !== undefined) throw usage(`${dashed(arg)} takes no value.`);
      tokens.flags.push({ name, value: true });
      continue;
    }
    const value = attached ?? args[++i];
    if (value === undefined) throw usage(`${arg} needs a value.`);
    // a forgotten value shows itself by the next flag standing in its place; numbers may be negative
    if (attached === undefined && /^--[A-Za-z]/.test(value))
      throw usage(
        `${arg} needs a value; '${value}' is the next flag.`,
        `Write ${arg}=${value} if it is meant.`,
      );
    tokens.flags.push({ name, value });
  }
  return tokens;
}

/** The last of several: it is nearest to what one means to say. */
export function last(tokens: Tokens, name: string): string | undefined {
  const value = tokens.flags.findLast((flag) => flag.name === name)?.value;
  return typeof value === 'string' ? value : undefined;
}

/** An error in how the command was called. */
export function usage(message: string, remedy = 'See vernier --help.'): VernierError {
  return new VernierError('cli.usage', message, { remedy });
}

function dashed(arg: string): string {
  return arg.split('=')[0]!;
}

/** Where a report goes, and as what. */
export interface ReportFile {
  file: string;
  format: 'html' | 'markdown';
}

/** A flag's number above 0. Throws `cli.usage` for others. */
export function positive(flag: string, text: string, whole: boolean): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value) && (!whole || Number.isInteger(value))) return value;
  throw usage(`--${flag} takes a ${whole ? 'whole ' : ''}number above 0, not '${text}'.`);
}

/** What a report is written as, by its name. Throws `cli.usage`. */
export function reportFile(file: string): ReportFile {
  const extension = path.extname(file).toLowerCase();
  if (['.html', '.htm'].includes(extension)) return { file, format: 'html' };
  if (['.md', '.markdown'].includes(extension)) return { file, format: 'markdown' };
  throw usage(`A report is .html or .md, not '${file}'.`);
}
