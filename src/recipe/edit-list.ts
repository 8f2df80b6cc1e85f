import { isMap, isNode, isSeq, type CST, type Node, type YAMLSeq } from 'yaml';
import { VernierError } from '../errors';
import type { RecipeText } from './document';
import { fillKey, insertKey } from './insert-key';
import { afterColon, contentEnd, nodeAt, nodeRange, pairOf, type NodePair } from './positions';
import {
  deleteLines,
  indentOf,
  insertLines,
  lineEnd,
  lineStart,
  render,
  type TextEdit,
} from './text-edit';

/** Refuses to edit what cannot be edited without loss. */
export function refuseEdit(doc: RecipeText, offset: number, what: string): never {
  throw new VernierError('recipe.unsupported', `${what} cannot be edited here without loss.`, {
    line: doc.lines.linePos(offset).line,
    remedy: 'Edit it by hand.',
  });
}

/**
 * Adds values to the list at a top-level key, in the style that the list has. Makes the key where it is
 * missing, and a list where the value is empty or no list.
 */
export function appendToList(doc: RecipeText, key: string, values: readonly unknown[]): TextEdit[] {
  const { text, yaml } = doc;
  if (!values.length) return [];
  const pair = pairOf(yaml?.contents, key);
  if (!pair) return insertKey(doc, [], key, values);
  const inFlow = isMap(yaml?.contents) && yaml.contents.flow === true;
  const value = pair.value;
  const range = value?.range ? nodeRange(text, value) : null;
  const plain = nodeAt(doc, [key])?.toJSON() as unknown;

  if (!isSeq(value)) {
    // 1. empty: the list begins on the next line, after a comment that may stand behind the colon
    if (plain === null || plain === undefined) {
      const colon = afterColon(pair);
      if (inFlow || colon === null) return fillKey(doc, pair, values);
      const edits: TextEdit[] = [];
      if (range && range.end > range.start) edits.push({ start: colon, end: range.end, text: '' });
      const indent = `${indentOf(text, nodeRange(text, pair.key).start)}  `;
      edits.push(insertLines(text, Math.max(colon, range?.end ?? 0), items(indent, values)));
      return edits;
    }
    // 2. a single pattern, or an alias: it becomes the first of a list
    const old = Array.isArray(plain) ? (plain as unknown[]) : [plain];
    return range ? [{ ...range, text: render([...old, ...values]) }] : [];
  }

  const last = value.items.at(-1) as Node | null | undefined;
  // 3. a flow list: after its last item
  if (value.flow) {
    const at = last?.range ? contentEnd(text, last) : (value.range?.[0] ?? 0) + 1;
    const list = values.map((item) => render(item, true)).join(', ');
    return [{ start: at, end: at, text: last?.range ? `, ${list}` : list }];
  }
  // 4. a block list: below its last item
  const dash = dashes(doc, value).at(-1) ?? 0;
  const end = itemEnd(text, last, dash);
  return [insertLines(text, end, items(indentOf(text, dash), values))];
}

/**
 * Replaces items of the list at a top-level key, each by any number of values. The comment behind an item
 * goes with it; all other comments stay. A list without items and comments goes as a whole.
 */
export function replaceInList(
  doc: RecipeText,
  key: string,
  changes: ReadonlyMap<number, readonly unknown[]>,
): TextEdit[] {
  const { text } = doc;
  const pair = pairOf(doc.yaml?.contents, key);
  const value = pair?.value;
  if (!changes.size || !pair || !value?.range) return [];
  if (!isSeq(value)) {
    const plain = nodeAt(doc, [key])?.toJSON() as unknown;
    const old = Array.isArray(plain) ? (plain as unknown[]) : [plain];
    const now = old.flatMap((item, i) => changes.get(i) ?? [item]);
    return [{ ...nodeRange(text, value), text: now.length ? render(now) : '[]' }];
  }
  for (const i of changes.keys()) {
    const item = value.items[i] as Node | null | undefined;
    if (isNode(item) && 'anchor' in item && item.anchor)
      refuseEdit(doc, item.range?.[0] ?? 0, 'An entry with an anchor');
  }
  return value.flow
    ? replaceInFlow(text, value, changes)
    : replaceInBlock(doc, pair, value, changes);
}

function replaceInBlock(
  doc: RecipeText,
  pair: NodePair,
  seq: YAMLSeq,
  changes: ReadonlyMap<number, readonly unknown[]>,
): TextEdit[] {
  const { text } = doc;
  const starts = dashes(doc, seq);
  const edits: TextEdit[] = [];
  for (const [i, values] of changes) {
    const dash = starts[i];
    const item = seq.items[i] as Node | null | undefined;
    if (dash === undefined) continue;
    if (text.slice(lineStart(text, dash), dash).trim()) refuseEdit(doc, dash, 'This list');
    const end = itemEnd(text, item, dash);
    if (!values.length) edits.push(deleteLines(text, dash, end));
    else {
      const [first, ...rest] = values;
      edits.push({ start: dash, end, text: `- ${render(first)}` });
      if (rest.length) edits.push(insertLines(text, end, items(indentOf(text, dash), rest)));
    }
  }
  const gone = seq.items.every((_, i) => changes.get(i)?.length === 0);
  if (!gone) return edits;
  const start = nodeRange(text, pair.key).start;
  const end = itemEnd(text, seq.items.at(-1) as Node, starts.at(-1) ?? start);
  const clean = !text.slice(lineStart(text, start), start).trim();
  return clean && !outside(text, start, end, edits).includes('#')
    ? [deleteLines(text, start, end)]
    : edits;
}

/** What edits leave of a range. */
function outside(text: string, start: number, end: number, edits: readonly TextEdit[]): string {
  let [rest, at] = ['', start];
  for (const edit of [...edits].sort((a, b) => a.start - b.start)) {
    rest += text.slice(at, Math.max(at, edit.start));
    at = Math.max(at, edit.end);
  }
  return rest + text.slice(at, Math.max(at, end));
}

function replaceInFlow(
  text: string,
  seq: YAMLSeq,
  changes: ReadonlyMap<number, readonly unknown[]>,
): TextEdit[] {
  const ranges = (seq.items as Node[]).map((node) => nodeRange(text, node));
  const edits: TextEdit[] = [];
  for (const [i, values] of changes) {
    const range = ranges[i];
    if (range && values.length)
      edits.push({ ...range, text: values.map((item) => render(item, true)).join(', ') });
  }
  // items that go, in runs of neighbours: each run takes one comma along
  for (let i = 0; i < ranges.length; i++) {
    if (changes.get(i)?.length !== 0) continue;
    let j = i;
    while (changes.get(j + 1)?.length === 0) j++;
    const [first, last, before, after] = [ranges[i], ranges[j], ranges[i - 1], ranges[j + 1]];
    i = j;
    if (!first || !last) continue;
    if (after) edits.push({ start: first.start, end: after.start, text: '' });
    else {
      const end = commaAfter(text, last.end) ?? last.end;
      const between = before ? text.slice(before.end, first.start) : '';
      // a comment behind the comma stays, and with it the comma: flow lists may end in one
      const start = before && !/[#\n]/.test(between) ? before.end : first.start;
      edits.push({ start, end, text: '' });
    }
  }
  return edits;
}

/** The offset after the comma that follows, past blanks and comments, or null if there is none. */
function commaAfter(text: string, offset: number): number | null {
  for (let at = offset; at < text.length; at++) {
    if (text[at] === ',') return at + 1;
    if (text[at] === '#') at = lineEnd(text, at);
    else if (text[at]?.trim()) break;
  }
  return null;
}

/** The offsets of the dashes of a block list. */
function dashes(doc: RecipeText, seq: YAMLSeq): number[] {
  const token = seq.srcToken as CST.BlockSequence | undefined;
  const found = (token?.items ?? []).flatMap(
    ({ start }) => start.find(({ type }) => type === 'seq-item-ind')?.offset ?? [],
  );
  if (found.length !== seq.items.length) refuseEdit(doc, seq.range?.[0] ?? 0, 'This list');
  return found;
}

function itemEnd(text: string, item: Node | null | undefined, dash: number): number {
  return Math.max(dash + 1, item?.range ? contentEnd(text, item) : 0);
}

function items(indent: string, values: readonly unknown[]): string[] {
  return values.map((value) => `${indent}- ${render(value)}`);
}
