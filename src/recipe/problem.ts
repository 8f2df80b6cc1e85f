import { VernierError, type ErrorCode } from '../errors';
import type { Path } from './json-schema';

/** A half-open range of offsets (UTF-16 units) in the recipe's text. */
export interface Range {
  start: number;
  end: number;
}

/** What can be wrong with a recipe as it is written. */
export type ParseCode =
  | 'syntax'
  | 'too-large'
  | 'not-a-map'
  | 'duplicate-key'
  | 'unknown-key'
  | 'missing-key'
  | 'wrong-type'
  | 'wrong-value'
  | 'out-of-range'
  | 'unsupported'
  | 'overwrites-model'
  | 'overwrites-file';

/** What can be doubtful about a recipe in its surroundings. */
export type LintCode =
  | 'no-match'
  | 'not-found'
  | 'same-data'
  | 'random-data'
  | 'keeps-everything'
  | 'no-effect'
  | 'signed-activations'
  | 'hurts'
  | 'slower';

export type ProblemCode = ParseCode | LintCode;
export type Severity = 'error' | 'warning' | 'info';

/** Something to say about a place in a recipe. `code` is stable; `message` and `remedy` are for people. */
export interface Problem {
  code: ProblemCode;
  severity: Severity;
  message: string;
  /** What to do, as an imperative sentence. */
  remedy?: string;
  range: Range;
  /** One-based, of the start of the range. */
  line: number;
  column: number;
  /** The key that it is about, where there is one. */
  path?: Path;
  /** Texts that the range may be replaced by, best first: quick fixes. */
  replacements?: string[];
  /** The layer that it is about, for `hurts`. */
  layer?: string;
  /** The layers that it is about together, for `slower`. */
  layers?: string[];
}

/** True if any problem forbids running the recipe. */
export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some(({ severity }) => severity === 'error');
}

const errorCodes: Partial<Record<ProblemCode, ErrorCode>> = {
  syntax: 'recipe.syntax',
  'too-large': 'recipe.syntax',
  unsupported: 'recipe.unsupported',
  'overwrites-model': 'recipe.overwrites-model',
  'overwrites-file': 'recipe.overwrites-file',
};

/** More errors than these are counted, not told. */
const MOST_TOLD = 10;

/** The errors among the problems as one coded error with the first one's place; null if there are none. */
export function toVernierError(problems: readonly Problem[], file: string): VernierError | null {
  const errors = problems.filter(({ severity }) => severity === 'error');
  const first = errors[0];
  if (!first) return null;
  const others = errors
    .slice(1, MOST_TOLD)
    .map(({ line, column, message }) => `\n${file}:${line}:${column} ${message}`);
  if (errors.length > MOST_TOLD) others.push(`\n… and ${errors.length - MOST_TOLD} more`);
  return new VernierError(
    errorCodes[first.code] ?? 'recipe.schema',
    first.message + others.join(''),
    {
      file,
      line: first.line,
      remedy: first.remedy,
    },
  );
}
