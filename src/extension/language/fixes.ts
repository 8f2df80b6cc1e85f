import { hurtingLayers } from '../../recipe/hurts';
import type { Problem } from '../../recipe/problem';
import { keepLines } from '../../recipe/positions';
import type { LayerResult, ModelSummary, RunResult } from '../../results';
import type { TextEdit } from '../../recipe/text-edit';
import { difference } from './changes';
import { checkRecipe } from './checks';
import { switchLayers, type LayerSwitch } from './switchLayers';

/** A quick fix, before the editor has a say. */
export interface Fix {
  kind: 'keep' | 'keep-several' | 'keep-slower' | 'quantize-again' | 'replace';
  /** Layers that it switches, or the text that it puts in. */
  names: string[];
  changes: TextEdit[];
  /** The problem that it mends, if it mends one. */
  problem: Problem | null;
  /** The likeliest of its problem's fixes. */
  preferred: boolean;
}

const several = 3;

/**
 * What can be done about a part of a recipe, likeliest first:
 *
 * 1. a misspelt word becomes what it was meant to be;
 * 2. a layer that hurts is kept in FP32, or the three that hurt most are;
 * 3. layers that got slower are kept in FP32;
 * 4. a layer that an entry keeps is quantized again.
 */
export async function fixesFor(
  path: string,
  text: string,
  range: { start: number; end: number },
  known: { summary: ModelSummary | null; result: RunResult | null; hurts: boolean },
): Promise<Fix[]> {
  const { problems, parse } = await checkRecipe(path, text, known);
  const here = problems.filter(
    (one) => one.range.start <= range.end && range.start <= one.range.end,
  );
  const fixes: Fix[] = here.flatMap((problem) =>
    (problem.replacements ?? []).map((word, i) => ({
      kind: 'replace' as const,
      names: [word],
      changes: [{ ...problem.range, text: word }],
      problem,
      preferred: i === 0,
    })),
  );
  const layers = known.summary?.layers ?? known.result?.layers ?? [];
  const editable = parse.doc.yaml !== null && !parse.doc.yaml.errors.length;
  const change = (wish: LayerSwitch) => {
    const one = editable ? difference(text, switchLayers(text, wish, layers)) : null;
    return one ? [one] : [];
  };
  const hurting = here.filter(({ code, layer }) => code === 'hurts' && layer);
  for (const [i, problem] of hurting.entries()) {
    const names = [problem.layer ?? ''];
    const changes = change({ keep: names, release: [] });
    fixes.push({ kind: 'keep', names, changes, problem, preferred: i === 0 });
  }
  if (hurting.length && known.result) {
    const names = mostSensitive(known.result).slice(0, several);
    if (names.length === several) {
      const changes = change({ keep: names, release: [] });
      fixes.push({ kind: 'keep-several', names, changes, problem: null, preferred: false });
    }
  }
  for (const problem of here.filter(({ code }) => code === 'slower')) {
    const names = problem.layers ?? [];
    const changes = change({ keep: names, release: [] });
    fixes.push({ kind: 'keep-slower', names, changes, problem, preferred: false });
  }
  const lines = keepLines(text, layers);
  const line = (offset: number) => parse.doc.lines.linePos(offset).line;
  const [first, last] = [line(range.start), line(range.end)];
  for (const [name, at] of Object.entries(lines)) {
    if (at < first || at > last) continue;
    const changes = change({ keep: [], release: [name] });
    fixes.push({ kind: 'quantize-again', names: [name], changes, problem: null, preferred: false });
  }
  return fixes.filter(({ changes }) => changes.length > 0);
}

/** Layers that are quantized, those that cost most first; those that were not measured are left out. */
export function mostSensitive(result: RunResult): string[] {
  const cost = ({ costsDb, noiseShare }: LayerResult) => costsDb ?? noiseShare ?? 0;
  const hurting = hurtingLayers(result);
  const others = result.layers
    .filter((layer) => !layer.hurts && cost(layer) > 0)
    .sort((a, b) => (b.noiseShare ?? 0) - (a.noiseShare ?? 0) || cost(b) - cost(a));
  return [...hurting, ...others].filter(({ wish }) => wish === 'quantize').map(({ name }) => name);
}
