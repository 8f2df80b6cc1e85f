import { isMap } from 'yaml';
import { contextAt, type Context } from './context';
import { readText, type RecipeText } from './document';
import { formsAt, keysAt, schemasAt, wordsAt, type Path, type SchemaNode } from './json-schema';
import type { NamedLayer } from './match';
import { keyText, nodeAt, nodeRange, type NodePair } from './positions';
import type { Range } from './problem';
import { render } from './text-edit';

/** Something that may be written at the cursor. */
export interface Completion {
  label: string;
  insertText: string;
  detail: string;
  kind: 'key' | 'value' | 'layer' | 'operator';
  /** What it replaces. */
  range: Range;
}

/** What may stand at an offset: keys, words, layer names and operators, in a useful order. */
export function completeAt(
  text: string,
  offset: number,
  layers: readonly NamedLayer[] = [],
): Completion[] {
  const context = contextAt(text, offset);
  const { slot, path } = context;
  const dash = slot === 'key' && isList(path) ? '- ' : '';
  if (dash) return itemsAt(context, [...path, 0], dash, layers);
  if (slot === 'key') return keys(readText(text), context, path, offset);
  if (slot === 'item')
    return [
      ...itemsAt(context, path, '', layers),
      ...(isPattern(path) ? [] : keys(readText(text), context, path, offset)),
    ];
  const space = text[offset - 1] === ':' ? ' ' : '';
  if (isList(path) && isPattern([...path, 0]))
    return patterns(context, layers).map((found) => ({
      ...found,
      insertText: `${space}[${found.kind === 'layer' ? render(found.label, true) : found.insertText}]`,
    }));
  return itemsAt(context, path, space, layers);
}

const isList = (path: Path) => schemasAt(path).some(({ type }) => type === 'array');

/** Where layers are named: entries of `keep_fp32`, and `match:`. */
const isPattern = (path: Path) =>
  (path[0] === 'keep_fp32' && path.length === 2) || (path[0] === 'layers' && path[2] === 'match');

function itemsAt(
  context: Context,
  path: Path,
  before: string,
  layers: readonly NamedLayer[],
): Completion[] {
  const found: Completion[] = [];
  for (const [word, detail] of wordsAt(path))
    found.push({ label: word, insertText: word, detail, kind: 'value', range: context.range });
  for (const { form, meaning } of formsAt(path))
    found.push({
      label: form,
      insertText: form,
      detail: meaning,
      kind: 'value',
      range: context.range,
    });
  if (path.at(-1) === 'data')
    found.push({
      label: 'random',
      insertText: 'random',
      detail: 'random numbers within the declared shapes: to try things out',
      kind: 'value',
      range: context.range,
    });
  if (path.at(-1) === 'op') found.push(...operators(context, layers, (op) => op));
  if (isPattern(path)) found.push(...patterns(context, layers));
  return found.map((item) => ({ ...item, insertText: before + item.insertText }));
}

function patterns(context: Context, layers: readonly NamedLayer[]): Completion[] {
  const names = layers.map(({ name, op, kind }): Completion => ({
    label: name,
    insertText: render(name, context.inFlow),
    detail: kind ?? op,
    kind: 'layer',
    range: context.range,
  }));
  return [...names, ...operators(context, layers, (op) => `{ op: ${op} }`)];
}

function operators(
  { range }: Context,
  layers: readonly NamedLayer[],
  write: (op: string) => string,
): Completion[] {
  const counts = new Map<string, number>();
  for (const { op } of layers) counts.set(op, (counts.get(op) ?? 0) + 1);
  return [...counts].map(([op, n]) => ({
    label: write(op),
    insertText: write(op),
    detail: n === 1 ? '1 layer' : `${n} layers`,
    kind: 'operator',
    range,
  }));
}

/** The keys that the map at `path` may have and does not have yet. */
function keys(
  doc: RecipeText,
  { range, inFlow }: Context,
  path: Path,
  offset: number,
): Completion[] {
  const map = nodeAt(doc, path);
  const present = new Set<string>();
  if (isMap(map))
    for (const pair of map.items as NodePair[]) {
      const { start, end } = nodeRange(doc.text, pair.key);
      if (offset < start || offset > end) present.add(keyText(pair));
    }
  const colon = doc.text[range.end] === ':';
  return [...keysAt(path)]
    .filter(([key]) => !present.has(key))
    .map(([key, schema]) => ({
      label: key,
      insertText: colon ? key : key + ending(schema, inFlow),
      detail: schema.description ?? '',
      kind: 'key',
      range,
    }));
}

/** What follows a new key: a map or list of layers begins on the next line. */
function ending(schema: SchemaNode, inFlow: boolean): string {
  if (schema.type === 'object' && schema.properties) return inFlow ? ': { ' : ':';
  return ': ';
}
