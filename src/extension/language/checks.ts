import { access } from 'node:fs/promises';
import { hurtDiagnostics } from '../../recipe/hurts';
import { slowerDiagnostics } from '../../recipe/slower';
import { lint, namedPaths } from '../../recipe/lint';
import { parseRecipe, type ParseResult } from '../../recipe/parse';
import type { Problem } from '../../recipe/problem';
import type { ModelSummary, RunResult } from '../../results';
import { besideRecipe } from '../session/lookup';

export interface Checked {
  parse: ParseResult;
  /** In the order in which they are shown: what is wrong, what is doubtful, what hurts, what is slow. */
  problems: Problem[];
}

/** Everything there is to say about a recipe as it stands. */
export async function checkRecipe(
  path: string,
  text: string,
  known: { summary: ModelSummary | null; result: RunResult | null; hurts: boolean },
): Promise<Checked> {
  const parse = parseRecipe(text, path);
  const layers = known.summary?.layers ?? known.result?.layers;
  const exists = await whatExists(path, parse);
  return {
    parse,
    problems: [
      ...parse.problems,
      ...lint(parse, { layers, inputs: known.summary?.inputs, exists, arch: process.arch }),
      ...(known.hurts && known.result
        ? [...hurtDiagnostics(parse, known.result), ...slowerDiagnostics(parse, known.result)]
        : []),
    ],
  };
}

/** Whether each named path is there. Globs are left to the run: expanding them may take long. */
async function whatExists(path: string, parse: ParseResult): Promise<Record<string, boolean>> {
  const named = namedPaths(parse)
    .map(({ text }) => text)
    .filter((text) => !/[*?{[]/.test(text));
  const found = await Promise.all(
    named.map(async (text) => {
      const there = await access(besideRecipe(path, text)).then(
        () => true,
        () => false,
      );
      return [text, there] as const;
    }),
  );
  return Object.fromEntries(found);
}
