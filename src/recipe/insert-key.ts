import { isMap, type YAMLMap } from 'yaml';
import type { RecipeText } from './document';
import { keysAt, type Path } from './json-schema';
import { afterColon, keyText, nodeAt, nodeRange, pairEnd, type NodePair } from './positions';
import { indentOf, insertLines, lineBreak, render, type TextEdit } from './text-edit';

/**
 * Adds a key to the map at `path`, which must be there (or, for the root, may be empty): after the keys
 * that stand before it in the schema. Lists and maps are written as blocks, a list's items each on a line.
 */
export function insertKey(doc: RecipeText, path: Path, key: string, value: unknown): TextEdit[] {
  const { text } = doc;
  const map = nodeAt(doc, path);
  if (!isMap(map) || !map.items.length) {
    if (isMap(map) && map.flow) {
      const at = (map.range?.[0] ?? 0) + 1;
      return [{ start: at, end: at, text: ` ${flowPair(key, value)} ` }];
    }
    return [intoEmpty(doc, key, value)];
  }
  const before = predecessor(map, path, key);
  const end = pairEnd(text, before);
  if (map.flow) return [{ start: end, end, text: `, ${flowPair(key, value)}` }];
  const first = nodeRange(text, (map.items[0] as NodePair).key).start;
  return [insertLines(text, end, block(indentOf(text, first), key, value))];
}

/** A key and its value as lines. */
export function block(indent: string, key: string, value: unknown): string[] {
  const head = `${indent}${render(key)}:`;
  if (Array.isArray(value) && value.length && !value.every((item) => typeof item === 'number'))
    return [head, ...value.map((item) => `${indent}  - ${render(item)}`)];
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const entries = Object.entries(value);
    if (entries.length)
      return [head, ...entries.flatMap(([name, inner]) => block(`${indent}  `, name, inner))];
  }
  return [`${head} ${render(value)}`];
}

function flowPair(key: string, value: unknown): string {
  // quotes make it JSON where the rest is JSON
  return `${JSON.stringify(key)}: ${json(value)}`;
}

/** A value as JSON, which is YAML too, with blanks for the eye. */
function json(value: unknown): string {
  return JSON.stringify(value, null, 1).replace(/\n\s*/g, ' ');
}

/** The pair that a new key follows: the last one that the schema has before it, else the last one. */
function predecessor(map: YAMLMap, path: Path, key: string): NodePair {
  const order = [...keysAt(path).keys()];
  const place = order.indexOf(key);
  const pairs = map.items as NodePair[];
  let best: NodePair | undefined;
  let bestPlace = -1;
  for (const pair of pairs) {
    const at = order.indexOf(keyText(pair));
    if (at >= 0 && at < place && at > bestPlace) [best, bestPlace] = [pair, at];
  }
  return best ?? (pairs.at(-1) as NodePair);
}

/** Into a text without any key: after the comments it may have. */
function intoEmpty({ text, yaml }: RecipeText, key: string, value: unknown): TextEdit {
  const eol = lineBreak(text);
  const lines = block('', key, value);
  const explicit = yaml?.contents?.range;
  // `null` or `{}` written out is replaced; a document's end marker stays behind
  if (explicit && explicit[1] > explicit[0])
    return { start: explicit[0], end: explicit[1], text: lines.join(eol) };
  const marker = /^\.\.\.(?=\s|$)/m.exec(text)?.index;
  const at = marker ?? text.length;
  const open = at > 0 && text[at - 1] !== '\n';
  return { start: at, end: at, text: (open ? eol : '') + lines.join(eol) + eol };
}

/** Gives an empty key (`improve:`, `improve: null`) a value, behind its colon. */
export function fillKey({ text }: RecipeText, pair: NodePair, value: unknown): TextEdit[] {
  const colon = afterColon(pair);
  const start = colon ?? nodeRange(text, pair.key).end;
  const written = pair.value?.range ? nodeRange(text, pair.value) : null;
  const end = written && written.end > written.start ? written.end : start;
  return [{ start, end, text: `${colon === null ? ':' : ''} ${render(value)}` }];
}
