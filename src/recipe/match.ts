import type { LayerSummary, ObserverName } from '../results';
import type { Path } from './json-schema';
import type { LayerRule, Pattern } from './schema';

/** What matching needs to know of a layer; a {@link LayerSummary} will do. `absorbed` names lead to it too. */
export type NamedLayer = Pick<LayerSummary, 'name' | 'op'> &
  Partial<Pick<LayerSummary, 'absorbed' | 'kind'>>;

/** True for a text in which `*` or `?` stands for something else. */
export function isGlob(pattern: string): boolean {
  return /[*?]/.test(pattern);
}

/**
 * True if the whole of `text` fits the glob: `*` stands for anything (also `/`, also nothing), `?` for one
 * character, all else for itself. Takes time in the product of the lengths at worst, whatever the pattern.
 */
export function globMatch(glob: string, text: string): boolean {
  let [g, t, star, mark] = [0, 0, -1, 0];
  while (t < text.length) {
    if (glob[g] === '*') {
      star = g++;
      mark = t;
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === text[t])) {
      g++;
      t++;
    } else if (star >= 0) {
      g = star + 1;
      t = ++mark;
    } else return false;
  }
  while (glob[g] === '*') g++;
  return g === glob.length;
}

/** True if a pattern names exactly this layer, by its own name or by that of a node in it. */
export function namesLayer(pattern: Pattern, layer: NamedLayer): boolean {
  return (
    typeof pattern === 'string' &&
    (pattern === layer.name || (layer.absorbed?.includes(pattern) ?? false))
  );
}

/** True if a pattern covers a layer, by name, glob or operator (operators without regard to case). */
export function covers(pattern: Pattern, layer: NamedLayer): boolean {
  if (typeof pattern !== 'string') return pattern.op.toLowerCase() === layer.op.toLowerCase();
  if (namesLayer(pattern, layer)) return true;
  if (!isGlob(pattern)) return false;
  return (
    globMatch(pattern, layer.name) || (layer.absorbed ?? []).some((n) => globMatch(pattern, n))
  );
}

/** The layers that each pattern covers, by name, in the order of `layers`. */
export function matchLayers(
  patterns: readonly Pattern[],
  layers: readonly NamedLayer[],
): { pattern: Pattern; matches: string[] }[] {
  return patterns.map((pattern) => ({
    pattern,
    matches: layers.filter((layer) => covers(pattern, layer)).map(({ name }) => name),
  }));
}

/** What a recipe wants of one layer. */
export interface LayerWish {
  keep: boolean;
  /** Its own observer, or null for that of the whole recipe. */
  observer: ObserverName | null;
  /** Its own type of weights, or null for that of the whole recipe. */
  weights: NonNullable<LayerRule['weights']> | null;
  /** Sixteen bits for what it reads and writes: of that type, or (`wide`) of the sign of the others; null for theirs. */
  activations: 'uint16' | 'int16' | 'wide' | null;
  /** The entry of `keep_fp32` or `layers` that decided `keep`; null where none did. */
  by: Path | null;
}

/** The part of a recipe that names layers. */
export interface LayerChoices {
  keepFp32: readonly Pattern[];
  layers: readonly LayerRule[];
}

/**
 * What a recipe wants of each layer, by name. Rules, in the order in which they decide:
 *
 * 1. a layer that `keep_fp32` names exactly is kept;
 * 2. else the last entry of `layers` that covers it and has a precision decides;
 * 3. else a glob or operator of `keep_fp32` keeps it;
 * 4. else it is quantized.
 *
 * The observer is that of the last entry of `layers` that covers it and has one; so are the type of its weights and the
 * activations. The precision `int16` is both: it quantizes, with 16-bit activations.
 */
export function planLayers(
  choices: LayerChoices,
  layers: readonly NamedLayer[],
): Map<string, LayerWish> {
  const plan = new Map<string, LayerWish>();
  const { keepFp32, layers: rules } = choices;
  for (const layer of layers) {
    const observer = rules.findLast((rule) => rule.observer && covers(rule.match, layer))?.observer;
    const weights = rules.findLast((rule) => rule.weights && covers(rule.match, layer))?.weights;
    const wide = rules.findLast(
      (rule) => (rule.activations ?? rule.precision) && covers(rule.match, layer),
    );
    const named = keepFp32.findIndex((pattern) => namesLayer(pattern, layer));
    const ruled = rules.findLastIndex((rule) => rule.precision && covers(rule.match, layer));
    const wish: LayerWish = {
      keep: false,
      observer: observer ?? null,
      weights: weights ?? null,
      activations: wide?.activations ?? (wide?.precision === 'int16' ? 'wide' : null),
      by: null,
    };
    if (named >= 0) Object.assign(wish, { keep: true, by: ['keep_fp32', named] });
    else if (ruled >= 0) {
      wish.keep = rules[ruled]?.precision === 'fp32';
      wish.by = ['layers', ruled];
    } else {
      const covered = keepFp32.findIndex((pattern) => covers(pattern, layer));
      if (covered >= 0) Object.assign(wish, { keep: true, by: ['keep_fp32', covered] });
    }
    plan.set(layer.name, wish);
  }
  return plan;
}
