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
// no blanks before the colon of a plain key: two repetitions in a row would take quadratic time
const blockKey =
  /^("(?:[^"\\]|\\.)*"\s*|'(?:[^']|'')*'\s*|[^\s#[\]{},&*!|>'"%@`-][^#]*?|-\S[^#]*?):(?=\s|$)/;

/**
 * Where the cursor is in the recipe's structure. Works on text that is not YAML yet, as it is while somebody
 * types: it follows indentation, dashes and brackets from the top and never fails.
 */
export function contextAt(text: string, offset: number): Context {
  const frames: Frame[] = [];
  const start = lineStart(text, offset);
  for (const line of text.slice(0, start).split(/\r?\n/).slice(0, -1)) readLine(frames, line);
  const column = offset - start;
  const line = text.slice(start, offset).replace(/\r$/, '');
  const found = readLine(frames, line, (slot, path, from) => {
    const inFlow = frames.at(-1)?.indent === -1;
    const range = { start: start + from, end: wordEnd(text, start + line.length, inFlow) };
    return { slot, path, range, inFlow };
  });
  const nothing = { start: start + column, end: start + column };
  return found ?? { slot: 'key', path: [], range: nothing, inFlow: false };
}

/** Makes the context, for the line that the cursor is on: `from` is where the word begins. */
type Found = (slot: Context['slot'], path: Path, from: number) => Context;

/** Moves the frames over one line; for the line with the cursor, cut off there, tells the context. */
function readLine(frames: Frame[], line: string, found?: Found): Context | undefined {
  let column = /^ */.exec(line)?.[0].length ?? 0;
  const pathOf = (list: readonly Frame[]) => list.flatMap(({ step }) => step ?? []);
  if (frames.at(-1)?.indent === -1) return readFlow(frames, line, column, found);
  const blank = !line.slice(column) || line[column] === '#';
  if (blank && !found) return undefined;

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
    if (!found) return undefined;
    const top = frames.at(-1);
    const sibling = top?.kind === 'map' && top.indent === column;
    if (dashed) return found('item', pathOf(frames), column);
    return found('key', pathOf(sibling ? frames.slice(0, -1) : frames), column);
  }
  const name = unquote((key[1] ?? '').trim());
  const top = frames.at(-1);
  if (top?.kind === 'map' && top.indent === column) top.step = name;
  else frames.push({ kind: 'map', indent: column, step: name });

  // 3. its value
  column += key[0].length;
  if (found && column === line.length) return found('value', pathOf(frames), column);
  column += /^\s*/.exec(line.slice(column))?.[0].length ?? 0;
  if (/^[[{]/.test(line.slice(column))) return readFlow(frames, line, column, found);
  return found?.('value', pathOf(frames), column);
}

/** Moves the frames over brackets, braces, commas and colons. */
function readFlow(
  frames: Frame[],
  line: string,
  column: number,
  found?: Found,
): Context | undefined {
  let word = column;
  for (let i = column; i < line.length; i++) {
    const char = line[i] as string;
    const top = frames.at(-1);
    const flow = top?.indent === -1 ? top : undefined;
    if ((char === '"' || char === "'") && !line.slice(word, i).trim()) {
      i += (quoted.exec(line.slice(i))?.[0].length ?? 1) - 1;
      continue;
    }
    if (char === '#' && /^\s?$/.test(line[i - 1] ?? '')) break;
    if (char === '[' || char === '{') {
      const seq = char === '[';
      frames.push({ kind: seq ? 'seq' : 'map', indent: -1, step: seq ? 0 : null });
    } else if (char === ']' || char === '}') {
      if (flow) frames.pop();
    } else if (char === ',') {
      if (flow) flow.step = flow.kind === 'seq' ? Number(flow.step) + 1 : null;
    } else if (char === ':' && flow?.kind === 'map' && /^[\s"']?$/.test(line[i + 1] ?? '')) {
      flow.step = unquote(line.slice(word, i).trim());
    } else continue;
    word = i + 1;
  }
  if (!found) return undefined;
  const path = frames.flatMap(({ step }) => step ?? []);
  word += /^\s*/.exec(line.slice(word))?.[0].length ?? 0;
  const top = frames.at(-1);
  if (top?.indent !== -1) return found('value', path, word);
  if (top.kind === 'seq') return found('item', path, word);
  return found(top.step === null ? 'key' : 'value', path, word);
}

function unquote(word: string): string {
  return /^(["']).*\1$/.test(word) ? word.slice(1, -1) : word;
}

/** Where the word at the cursor ends. */
function wordEnd(text: string, offset: number, inFlow: boolean): number {
  const rest = text.slice(offset, lineEnd(text, offset));
  const stop = (inFlow ? /[,\]}]|:(?=\s|$)|\s#/ : /:(?=\s|$)|\s#/).exec(rest);
  return offset + rest.slice(0, stop?.index ?? rest.length).trimEnd().length;
}
