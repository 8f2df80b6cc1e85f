import { parseRecipe } from './parse';
import type { Problem } from './problem';
import { writeRecipe } from './write';

/** A problem in one of several fragments; its place is in that fragment's own text. */
export interface FragmentProblem extends Problem {
  /** Index into the list of fragments. */
  fragment: number;
}

/**
 * Adds up recipe fragments, as the cells of a notebook are: later keys override earlier ones, maps are merged
 * key by key, lists are replaced. A fragment with an error reports it and is left out.
 */
export function combineFragments(fragments: readonly string[]): {
  text: string;
  problems: FragmentProblem[];
} {
  const problems: FragmentProblem[] = [];
  let sum: unknown = {};
  fragments.forEach((text, fragment) => {
    const parse = parseRecipe(text, '', { partial: true });
    problems.push(...parse.problems.map((problem) => ({ ...problem, fragment })));
    if (parse.recipe) sum = merged(sum, parse.recipe);
  });
  return { text: writeRecipe(sum as Record<string, unknown>), problems };
}

function merged(old: unknown, now: unknown): unknown {
  if (!isMap(old) || !isMap(now)) return now;
  const result = new Map(Object.entries(old));
  for (const [key, value] of Object.entries(now)) result.set(key, merged(result.get(key), value));
  return Object.fromEntries(result);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
