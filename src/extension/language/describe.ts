import type { RecipeState } from '../../protocol';
import { choicesOf } from '../../recipe/written';
import { resolveRecipe, type ResolvedRecipe } from '../../recipe/defaults';
import { planLayers, type NamedLayer } from '../../recipe/match';
import { calibrationNeed } from '../../recipe/modes';
import { parseRecipe, type ParseResult } from '../../recipe/parse';
import { insteadOfPlan } from '../../recipe/plan-edit';
import { keepLines, lineColumn, rangeOf } from '../../recipe/positions';
import type { RunResult } from '../../results';
import type { DescribeContext } from '../session/ports';
import { noRecipe } from '../session/state';

/** What the recipe says now, as the inspector shows it; lenient, since it is asked while somebody types. */
export function describeRecipe(
  shownPath: string,
  path: string,
  text: string | null,
  { summary, result, ranText, planned = null, measuredText = null }: DescribeContext,
): RecipeState {
  if (text === null) return { ...noRecipe, path: shownPath };
  const parse = parseRecipe(text, path);
  const resolved = parse.recipe && resolveRecipe(parse.recipe);
  const layers: readonly NamedLayer[] = summary?.layers ?? result?.layers ?? [];
  const plan = planLayers(choicesOf(parse.doc), layers);
  const kept = layers.filter(({ name }) => plan.get(name)?.keep).map(({ name }) => name);
  const mode = modeOf(resolved);
  return {
    path: shownPath,
    exists: true,
    kept,
    calibrationSource: resolved?.calibration?.data.join(', ') ?? null,
    random: resolved?.calibration?.random ?? false,
    target: resolved?.target ?? noRecipe.target,
    mode,
    calibrates: calibrationNeed(mode) !== 'unused',
    dirtySinceResult: result !== null && isNewer(parse, resolved, kept, result, ranText),
    dirtySincePlans: planned !== null && differs(text, planned, layers, path),
    dirtySinceSensitivity:
      measuredText !== null && differs(text, { text: measuredText, choices: [] }, layers, path),
    lines: linesOf(parse, layers),
  };
}

/** Whether a recipe differs from the one behind plans in more than what a plan writes into it. */
function differs(
  text: string,
  planned: NonNullable<DescribeContext['planned']>,
  layers: readonly NamedLayer[],
  path: string,
): boolean {
  const bare = (whole: string) => {
    const { recipe } = parseRecipe(insteadOfPlan(whole, [], planned.choices, layers), path);
    return recipe && JSON.stringify(resolveRecipe(recipe));
  };
  try {
    return text !== planned.text && bare(text) !== bare(planned.text);
  } catch {
    return true; // what cannot be read is not what it was
  }
}

/** The mode as the recipe says it: `auto` is one here. */
function modeOf(resolved: ResolvedRecipe | null): string {
  if (!resolved) return noRecipe.mode;
  return resolved.quantization.auto ? 'auto' : resolved.quantization.mode;
}

/** The line that keeps each layer, or where it would be kept. */
function linesOf(parse: ParseResult, layers: readonly NamedLayer[]): Record<string, number> {
  const home = ['keep_fp32', 'quantization', 'model'];
  const range = home.map((key) => rangeOf(parse.doc, [key], 'key')).find((found) => found);
  const line = range ? lineColumn(parse.doc, range.start).line : 1;
  return {
    ...Object.fromEntries(layers.map(({ name }) => [name, line])),
    ...keepLines(parse.doc.text, layers),
  };
}

/**
 * Whether the recipe says something else than the run behind the result did. Where the run's text is not
 * known (another window, the command line) the result itself tells the most of it.
 */
function isNewer(
  parse: ParseResult,
  resolved: ResolvedRecipe | null,
  kept: readonly string[],
  result: RunResult,
  ranText: string | null,
): boolean {
  if (ranText !== null) {
    if (ranText === parse.doc.text) return false;
    const ran = parseRecipe(ranText, parse.file).recipe;
    return JSON.stringify(ran) !== JSON.stringify(parse.recipe);
  }
  if (!resolved) return true;
  // what a search kept besides is its own
  if (result.search) return !resolved.search.wanted;
  const had = result.layers.filter(({ wish }) => wish === 'keep').map(({ name }) => name);
  const names = new Set(result.layers.map(({ name }) => name));
  const want = kept.filter((name) => names.has(name));
  return (
    [...had].sort().join('\n') !== [...want].sort().join('\n') ||
    modeOf(resolved) !== (result.choice ? 'auto' : result.mode) ||
    (resolved.target !== 'auto' && resolved.target !== result.target)
  );
}
