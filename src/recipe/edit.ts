import { isCollection, isMap, isSeq } from 'yaml';
import { VernierError } from '../errors';
import { readText, type RecipeText } from './document';
import { appendToList, refuseEdit, replaceInList } from './edit-list';
import { fillKey, insertKey } from './insert-key';
import type { Path } from './json-schema';
import { covers, namesLayer, planLayers, type NamedLayer } from './match';
import { nodeAt, nodeRange, pairOf } from './positions';
import type { Pattern } from './schema';
import { inOrder, render, type TextEdit } from './text-edit';
import { choicesOf } from './written';

export { applyEdits, type TextEdit } from './text-edit';

/** The text as YAML; throws `recipe.syntax` where it is none, since nothing can be edited safely then. */
function editable(text: string): RecipeText {
  const doc = readText(text);
  const error = doc.yaml?.errors[0];
  const root = doc.yaml?.contents;
  if (!doc.yaml || error || (root && !isMap(root) && nodeAt(doc, [])?.toJSON() !== null))
    throw new VernierError(
      'recipe.syntax',
      `The recipe cannot be edited: ${error?.message ?? 'it is no map of keys.'}`,
      {
        line: doc.lines.linePos(error?.pos[0] ?? 0).line,
        remedy: 'Correct it, or undo the last change.',
      },
    );
  return doc;
}

/**
 * Edits that keep layers in FP32: their names are added to `keep_fp32`, in the style it has. Names that it
 * keeps already are left out; no edits if that is all of them. Throws `recipe.syntax`.
 */
export function keepLayers(text: string, names: readonly string[]): TextEdit[] {
  const doc = editable(text);
  const choices = choicesOf(doc);
  const plan = planLayers(
    choices,
    names.map((name) => ({ name, op: '' })),
  );
  const missing = [...plan].filter(([, { keep }]) => !keep).map(([name]) => name);
  return inOrder(appendToList(doc, 'keep_fp32', missing));
}

/** Edits that add patterns to `keep_fp32` as they are. Throws `recipe.syntax`. */
export function keepPatterns(text: string, patterns: readonly Pattern[]): TextEdit[] {
  return inOrder(appendToList(editable(text), 'keep_fp32', [...patterns]));
}

/** Edits that give layers 16-bit activations: an entry of `layers:` for each that has none. Throws `recipe.syntax`. */
export function widenLayers(text: string, names: readonly string[]): TextEdit[] {
  const doc = editable(text);
  const plan = planLayers(
    choicesOf(doc),
    names.map((name) => ({ name, op: '' })),
  );
  const missing = [...plan].filter(([, { activations }]) => activations === null);
  return inOrder(
    appendToList(
      doc,
      'layers',
      missing.map(([match]) => ({ match, precision: 'int16' })),
    ),
  );
}

/** Edits that take 16-bit activations from layers again: their own entries of `layers:` go. Throws `recipe.syntax`. */
export function narrowLayers(text: string, names: readonly string[]): TextEdit[] {
  const doc = editable(text);
  const changes = new Map<number, string[]>();
  choicesOf(doc).layers.forEach(({ match, precision }, i) => {
    if (precision === 'int16' && typeof match === 'string' && names.includes(match))
      changes.set(i, []);
  });
  return inOrder(replaceInList(doc, 'layers', changes));
}

/**
 * Edits that quantize layers again:
 *
 * 1. an entry of `keep_fp32` that names one of them goes;
 * 2. a glob or operator that covers one of them is replaced by the names of the others that it keeps;
 * 3. where `layers:` keeps one of them, an exception `{ match: NAME, precision: int8 }` is added to it.
 *
 * Throws `recipe.syntax`.
 */
export function quantizeAgain(
  text: string,
  names: readonly string[],
  layers: readonly NamedLayer[],
): TextEdit[] {
  const doc = editable(text);
  const choices = choicesOf(doc);
  const wanted = new Set(names);
  const hosts = layers.filter((layer) => names.some((name) => namesLayer(name, layer)));
  for (const { name } of hosts) wanted.add(name);
  const plan = planLayers(choices, layers);

  const changes = new Map<number, string[]>();
  const current = () => ({
    ...choices,
    keepFp32: choices.keepFp32.flatMap((pattern, i) => changes.get(i) ?? [pattern]),
  });
  choices.keepFp32.forEach((pattern, i) => {
    const named = typeof pattern === 'string' && wanted.has(pattern);
    if (named || hosts.some((layer) => namesLayer(pattern, layer))) changes.set(i, []);
  });

  const unnamed = planLayers(current(), hosts);
  const covered = hosts.filter(({ name }) => unnamed.get(name)?.by?.[0] === 'keep_fp32');
  const listed = new Set<Pattern>(choices.keepFp32);
  choices.keepFp32.forEach((pattern, i) => {
    if (changes.has(i) || !covered.some((layer) => covers(pattern, layer))) return;
    const left = layers
      .filter((layer) => covers(pattern, layer) && plan.get(layer.name)?.keep)
      .map(({ name }) => name)
      .filter((name) => !wanted.has(name) && !listed.has(name));
    for (const name of left) listed.add(name);
    changes.set(i, left);
  });

  const after = planLayers(current(), hosts);
  const exceptions = hosts
    .filter(({ name }) => after.get(name)?.keep)
    .map(({ name }) => ({ match: name, precision: 'int8' }));
  return inOrder([
    ...replaceInList(doc, 'keep_fp32', changes),
    ...appendToList(doc, 'layers', exceptions),
  ]);
}

/**
 * Edits that set the value at a path of keys (and indices of lists that are there), making the maps that
 * are missing on the way. Comments stay, except inside a list or map that is replaced. No edits if the
 * value is that already. Throws `recipe.syntax`.
 */
export function setValue(text: string, path: Path, value: unknown): TextEdit[] {
  const doc = editable(text);
  for (let n = 0; n < path.length; n++) {
    const step = path[n] as string | number;
    const parent = nodeAt(doc, path.slice(0, n));
    const rest = path.slice(n + 1).reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
    if (typeof step === 'number') {
      const item: unknown = isSeq(parent) ? parent.items[step] : undefined;
      if (item === undefined)
        refuseEdit(doc, 0, `Entry ${step} of \`${path.slice(0, n).join('.')}\``);
      if (isCollection(item) && n < path.length - 1) continue;
      return replaceNode(doc, path.slice(0, n + 1), rest);
    }
    const pair = pairOf(parent, step);
    if (!pair) return insertKey(doc, path.slice(0, n), step, rest);
    const inner = nodeAt(doc, path.slice(0, n + 1));
    if (n < path.length - 1 && isCollection(inner)) continue;
    const written = pair.value?.range ? nodeRange(text, pair.value) : null;
    if (!written || written.end === written.start) return fillKey(doc, pair, rest);
    return replaceNode(doc, path.slice(0, n + 1), rest);
  }
  return [];
}

function replaceNode(doc: RecipeText, path: Path, value: unknown): TextEdit[] {
  const parent = nodeAt(doc, path.slice(0, -1));
  const last = path.at(-1) as string | number;
  const node = typeof last === 'number' && isSeq(parent) ? parent.items[last] : undefined;
  const target = node ?? pairOf(parent, String(last))?.value;
  if (!target || typeof target !== 'object' || !('range' in target)) return [];
  const range = nodeRange(doc.text, target as Parameters<typeof nodeRange>[1]);
  const inFlow = isCollection(parent) && parent.flow === true;
  const now = render(value, inFlow);
  return doc.text.slice(range.start, range.end) === now ? [] : [{ ...range, text: now }];
}
