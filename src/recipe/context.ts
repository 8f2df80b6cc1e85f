import type { Path } from './json-schema';
import type { Range } from './problem';
import { lineEnd, lineStart } from './text-edit';

/** What would stand where the cursor is. */
export interface Context {
  /** `key`: a key of the map at `path`. `value`: the value at `path`. `item`: the list item at `path`. */
  slot: 'key' | 'value' | 'item';
  path: Path;
  /** The word that is being typed, to its end, which a completion replaces. */
  range: Range;
  /** Inside brackets or braces. */
  inFlow: boolean;
}

interface Frame {
  kind: 'map' | 'seq';
  /** Column of its keys or dashes; −1 in flow. */
  indent: number;
  step: string | number | null;
}

const quoted = /^(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')/;
const blockKey =
  /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#[\]{},&*!|>'"%@`-][^#]*?|-\S[^#]*?)\s*:(?=\s|$)/;

/**
 * Where the cursor is in the recipe's structure. Works on text that is not YAML yet, as it is while somebody
 * types: it follows indentation, dashes and brackets from the top and never fails.
 */
export function contextAt(text: string, offset: number): Context {
  const frames: Frame[] = [];
  let start = 0;
  for (;;) {
    const end = lineEnd(text, start);
    if (offset <= end) break;
    const next = text.indexOf('\n', start);
    if (next < 0) break;
    readLine(frames, text.slice(start, end), start);
    start = next + 1;
  }
  start = Math.min(start, lineStart(text, offset));
  return readLine(frames, text.slice(start, offset), start, text) as Context;
}

/**
 * Moves the frames over one line. For the last one, up to the cursor, `text` is the whole text, and the
 * context is returned.
 */
function readLine(frames: Frame[], line: string, at: number, text?: string): Context | undefined {
  let column = /^ */.exec(line)?.[0].length ?? 0;
  const inFlow = () => frames.at(-1)?.indent === -1;
  const pathOf = (list: readonly Frame[]) => list.flatMap(({ step }) => step ?? []);
  const context = (slot: Context['slot'], path: Path, from: number): Context => ({
    slot,
    path,
    inFlow: inFlow(),
    range: { start: at + from, end: wordEnd(text ?? '', at + line.length, inFlow()) },
  });
  if (inFlow()) return readFlow(frames, line, column, text ? context : undefined);
  const blank = !line.slice(column) || line[column] === '#';
  if (blank && !text) return undefined;

  // 1. dashes
  let dashed = false;
  for (let dash; (dash = /^-(?: +|$)/.exec(line.slice(column))); column += dash[0].length) {
    while ((frames.at(-1)?.indent ?? -1) > column) frames.pop();
    const top = frames.at(-1);
    if (top?.kind === 'seq' && top.indent === column) top.step = Number(top.step) + 1;
    else frames.push({ kind: 'seq', indent: column, step: 0 });
    dashed = true;
    if (dash[0] === '-') {
      column += 1;
      break;
    }
  }
  if (!dashed) {
    for (let top; (top = frames.at(-1)); frames.pop())
      if (top.indent < column || (top.indent === column && top.kind === 'map')) break;
  }

  // 2. a key
  const key = blockKey.exec(line.slice(column));
  if (!key) {
    if (!text) return undefined;
    const top = frames.at(-1);
    const sibling = top?.kind === 'map' && top.indent === column;
    if (dashed) return context('item', pathOf(frames), column);
    return context('key', pathOf(sibling ? frames.slice(0, -1) : frames), column);
  }
  const name = unquote(key[1] ?? '');
  const top = frames.at(-1);
  if (top?.kind === 'map' && top.indent === column) top.step = name;
  else frames.push({ kind: 'map', indent: column, step: name });

  // 3. its value
  column += key[0].length;
  if (text && column === line.length) return context('value', pathOf(frames), column);
  column += /^\s*/.exec(line.slice(column))?.[0].length ?? 0;
  if (/^[[{]/.test(line.slice(column)))
    return readFlow(frames, line, column, text ? context : undefined);
  return text ? context('value', pathOf(frames), column) : undefined;
}

/** Moves the frames over brackets, braces, commas and colons. */
function readFlow(
  frames: Frame[],
  line: string,
  column: number,
  context?: (slot: Context['slot'], path: Path, from: number) => Context,
): Context | undefined {
  let word = column;
  for (let i = column; i < line.length; i++) {
    const char = line[i] as string;
    const top = frames.at(-1);
    const flow = top?.indent === -1 ? top : undefined;
    const quote = quoted.exec(line.slice(i));
    if (quote && !line.slice(word, i).trim()) {
      i += quote[0].length - 1;
      continue;
    }
    if (char === '#' && /\s|^$/.test(line[i - 1] ?? '')) break;
    if (char === '[' || char === '{') {
      const seq = char === '[';
      frames.push({ kind: seq ? 'seq' : 'map', indent: -1, step: seq ? 0 : null });
    } else if (char === ']' || char === '}') {
      if (flow) frames.pop();
    } else if (char === ',') {
      if (flow) flow.step = flow.kind === 'seq' ? Number(flow.step) + 1 : null;
    } else if (
      char === ':' &&
      flow?.kind === 'map' &&
      /\s|^$|["']/.test((line[i + 1] ?? '') + '')
    ) {
      flow.step = unquote(line.slice(word, i).trim());
    } else continue;
    word = i + 1;
  }
  if (!context) return undefined;
  const path = frames.flatMap(({ step }) => step ?? []);
  word += /^\s*/.exec(line.slice(word))?.[0].length ?? 0;
  const top = frames.at(-1);
  if (top?.indent !== -1) return context('value', path, word);
  if (top.kind === 'seq') return context('item', path, word);
  return context(top.step === null ? 'key' : 'value', path, word);
}

function unquote(word: string): string {
  return /^(["']).*\1$/.test(word) ? word.slice(1, -1) : word;
}

/** Where the word at the cursor ends. */
function wordEnd(text: string, offset: number, inFlow: boolean): number {
  const rest = text.slice(offset, lineEnd(text, offset));
  const stop = inFlow ? /[,\]}:]|\s#/.exec(rest) : /:(?=\s|$)|\s+#|\s+$/.exec(rest);
  return offset + rest.slice(0, stop?.index ?? rest.length).trimEnd().length;
}
