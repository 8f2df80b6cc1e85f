import { toPlain, type RecipeText } from './document';
import { formsAt, wordsAt, type Path } from './json-schema';
import { planLayers, type LayerChoices, type LayerWish, type NamedLayer } from './match';
import type { LayerRule, Pattern } from './schema';

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isObserver = (value: unknown): value is NonNullable<LayerRule['observer']> =>
  typeof value === 'string' && wordsAt(['layers', 0, 'observer']).has(value);

const isWeightType = (value: unknown): value is NonNullable<LayerRule['weights']> =>
  typeof value === 'string' && wordsAt(['layers', 0, 'weights']).has(value);

const list = (value: unknown): unknown[] =>
  Array.isArray(value) ? value : value === null || value === undefined ? [] : [value];

/** A value as a pattern; one that covers nothing if it is none, so that the places in the list stay right. */
function pattern(value: unknown): Pattern {
  if (isMap(value) && typeof value.op === 'string') return { op: value.op };
  return typeof value === 'string' ? value : '';
}

/**
 * The parts of a recipe that name layers, read leniently: they are wanted while the rest of the recipe is
 * still wrong, as it is while somebody types.
 */
export function choicesOf(doc: RecipeText): LayerChoices {
  const plain = toPlain(doc);
  const root = isMap(plain) ? plain : {};
  return {
    keepFp32: list(root.keep_fp32).map(pattern),
    layers: list(root.layers).map((value): LayerRule => {
      const rule = isMap(value) ? value : {};
      const { precision, observer, weights, activations } = rule;
      return {
        match: pattern(rule.match),
        ...(precision === 'fp32' || precision === 'int8' || precision === 'int16'
          ? { precision }
          : {}),
        ...(isObserver(observer) ? { observer } : {}),
        ...(isWeightType(weights) ? { weights } : {}),
        ...(activations === 'int16' || activations === 'uint16' ? { activations } : {}),
      };
    }),
  };
}

/** What the recipe as it stands wants of each layer. */
export function planOf(doc: RecipeText, layers: readonly NamedLayer[]): Map<string, LayerWish> {
  return planLayers(choicesOf(doc), layers);
}

/**
 * The files and folders that a recipe reads, each with its place: `model`, those of `calibration`,
 * `evaluate.data`, `evaluate.labels` and the module of a metric. `random` is no path and is only told of on request.
 */
export function dataOf(doc: RecipeText, withRandom = false): { path: Path; text: string }[] {
  const plain = toPlain(doc);
  const found: { path: Path; text: string }[] = [];
  for (const path of [
    ['model'],
    ['calibration', 'data'],
    ['calibration', 'statistics_file'],
    ['calibration', 'ranges'],
    ['evaluate', 'data'],
    ['evaluate', 'labels'],
    ['evaluate', 'metric'],
  ]) {
    const value = path.reduce<unknown>((at, key) => (isMap(at) ? at[key] : undefined), plain);
    list(value).forEach((text, i) => {
      if (typeof text !== 'string' || text === '' || (text === 'random' && !withRandom)) return;
      if (path.at(-1) === 'metric' && !formsAt(path).some(({ pattern }) => pattern.test(text)))
        return;
      found.push({ path: Array.isArray(value) ? [...path, i] : path, text });
    });
  }
  return found;
}
