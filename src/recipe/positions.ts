import { isAlias, isCollection, isMap, isPair, isScalar, isSeq } from 'yaml';
import type { Node, Pair } from 'yaml';
import { readText, type RecipeText, type YamlDocument } from './document';
import type { Path } from './json-schema';
import type { NamedLayer } from './match';
import type { Range } from './problem';
import { planOf } from './written';

/** A parsed pair: its key is always a node, its value one or nothing. */
export type NodePair = Pair<Node, Node | null>;

/** The node that an alias stands for, or the node itself. */
export function resolved(doc: YamlDocument, node: unknown): Node | null {
  if (isAlias(node)) return node.resolve(doc) ?? null;
  return (node as Node | null | undefined) ?? null;
}

/** A key as text, as it becomes in plain data. */
export function keyText(pair: NodePair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}

/** The pair with this key in a map; the last one where it stands twice, as in plain data. */
export function pairOf(map: unknown, key: string): NodePair | undefined {
  if (!isMap(map)) return undefined;
  return (map.items as NodePair[]).findLast((pair) => keyText(pair) === key);
}

/** The node (aliases followed) or pair at a path; undefined if there is none. */
function find({ yaml }: RecipeText, path: Path): NodePair | Node | null | undefined {
  if (!yaml) return undefined;
  let at: NodePair | Node | null | undefined = yaml.contents;
  for (const step of path) {
    const node = resolved(yaml, isPair(at) ? at.value : at);
    if (typeof step === 'number') at = isSeq(node) ? (node.items[step] as Node) : undefined;
    else at = pairOf(node, step);
    if (at === undefined) return undefined;
  }
  return at;
}

/** The value at a path with aliases followed; null where there is none. */
export function nodeAt(doc: RecipeText, path: Path): Node | null {
  const found = find(doc, path);
  return doc.yaml && resolved(doc.yaml, isPair(found) ? found.value : found);
}

/** Where the content of a node ends: without comments, blanks and line breaks that follow it. */
export function contentEnd(text: string, node: Node): number {
  if (isCollection(node) && !node.flow) {
    const last = node.items.at(-1) as NodePair | Node | null | undefined;
    const end = isPair(last) ? pairEnd(text, last) : last ? contentEnd(text, last) : -1;
    return end < 0 ? (node.range?.[1] ?? 0) : end;
  }
  const [start, end] = node.range ?? [0, 0, 0];
  return start + text.slice(start, end).trimEnd().length;
}

/** Where the content of a pair ends; after the colon if it has no value. */
export function pairEnd(text: string, pair: NodePair): number {
  const value = pair.value;
  if (value?.range) {
    const end = contentEnd(text, value);
    if (end > value.range[0]) return end;
  }
  return afterColon(pair) ?? contentEnd(text, pair.key);
}

/** The offset after the `:` of a pair, or null where it has none. */
export function afterColon(pair: NodePair): number | null {
  const sep = pair.srcToken?.sep?.find(({ type }) => type === 'map-value-ind');
  return sep ? sep.offset + sep.source.length : null;
}

/** Which part of a pair a range is wanted of. */
export type Part = 'key' | 'value' | 'pair';

/**
 * The range of what stands at a path; undefined if nothing does. `part` tells a pair's key from its value
 * (by default the value, or the key where there is no value).
 */
export function rangeOf(doc: RecipeText, path: Path, part?: Part): Range | undefined {
  const { text } = doc;
  const found = find(doc, path);
  if (found === undefined || found === null) return undefined;
  if (!isPair(found)) return nodeRange(text, found);
  const pair = found;
  const key = nodeRange(text, pair.key);
  if (part === 'key') return key;
  if (part === 'pair') return { start: key.start, end: pairEnd(text, pair) };
  const value = pair.value?.range ? nodeRange(text, pair.value) : undefined;
  return value && value.end > value.start ? value : part === 'value' ? value : key;
}

/** The range of a node's content. */
export function nodeRange(text: string, node: Node): Range {
  const start = node.range?.[0] ?? 0;
  return { start, end: Math.max(start, contentEnd(text, node)) };
}

/** One-based line and column of an offset. */
export function lineColumn(
  { lines }: RecipeText,
  offset: number,
): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** The one-based line that keeps each layer in FP32; layers that are quantized are left out. */
export function keepLines(text: string, layers: readonly NamedLayer[]): Record<string, number> {
  const doc = readText(text);
  const found: [string, number][] = [];
  for (const [name, wish] of planOf(doc, layers)) {
    if (!wish.keep || !wish.by) continue;
    // a single name that is not in a list has no index
    const range = rangeOf(doc, wish.by) ?? rangeOf(doc, wish.by.slice(0, 1));
    if (range) found.push([name, lineColumn(doc, range.start).line]);
  }
  return Object.fromEntries(found);
}
