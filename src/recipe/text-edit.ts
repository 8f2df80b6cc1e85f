import { stringify } from 'yaml';
import { VernierError } from '../errors';

/** Replaces the text from `start` to `end` (offsets in the old text) by `text`. */
export interface TextEdit {
  start: number;
  end: number;
  text: string;
}

/** The text after the edits. They may not overlap; insertions at one place keep their order. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  let [result, at] = ['', 0];
  for (const edit of inOrder(edits)) {
    if (edit.start < at || edit.end < edit.start || edit.end > text.length)
      throw new VernierError('internal', `Edits overlap at ${edit.start}.`);
    result += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return result + text.slice(at);
}

/** The edits in the order of the text, deletions that overlap joined. */
export function inOrder(edits: readonly TextEdit[]): TextEdit[] {
  const sorted: TextEdit[] = [];
  for (const edit of [...edits].sort((a, b) => a.start - b.start || a.end - b.end)) {
    const last = sorted.at(-1);
    if (last && !last.text && !edit.text && edit.start <= last.end)
      last.end = Math.max(last.end, edit.end);
    else sorted.push({ ...edit });
  }
  return sorted;
}

/** The line break that a text uses. */
export function lineBreak(text: string): string {
  return /\r?\n/.exec(text)?.[0] ?? '\n';
}

/** Where the line of an offset begins. */
export function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

/** Where the line of an offset ends: at its line break, or at the end of the text. */
export function lineEnd(text: string, offset: number): number {
  const at = text.indexOf('\n', offset);
  if (at < 0) return text.length;
  return text[at - 1] === '\r' && at > offset ? at - 1 : at;
}

/** Inserts lines after the line that holds `offset`, with whatever line break the text uses. */
export function insertLines(text: string, offset: number, lines: readonly string[]): TextEdit {
  const at = lineEnd(text, offset);
  const eol = lineBreak(text);
  return { start: at, end: at, text: lines.map((line) => eol + line).join('') };
}

/** Deletes the whole lines from the one of `start` to the one of `end`. */
export function deleteLines(text: string, start: number, end: number): TextEdit {
  const from = lineStart(text, start);
  const to = text.indexOf('\n', end);
  if (to >= 0) return { start: from, end: to + 1, text: '' };
  // the last line has no line break of its own: it takes the one before it along
  const before = from > 1 && text[from - 2] === '\r' ? from - 2 : Math.max(0, from - 1);
  return { start: before, end: text.length, text: '' };
}

/** The column of an offset as blanks, for lines that stand below it. */
export function indentOf(text: string, offset: number): string {
  return ' '.repeat(offset - lineStart(text, offset));
}

const options = { lineWidth: 0, blockQuote: false, singleQuote: true } as const;

/**
 * A value as YAML on one line: `[a, b]`, `{ a: 1 }`. In a flow collection (`flow`) texts with brackets or
 * commas need quotes that they do not need in a block.
 */
export function render(value: unknown, flow = false): string {
  if (Array.isArray(value)) return `[${value.map((item) => render(item, true)).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value).map(
      ([key, v]) => `${render(key, true)}: ${render(v, true)}`,
    );
    return pairs.length ? `{ ${pairs.join(', ')} }` : '{}';
  }
  // eslint-disable-next-line no-control-regex -- such names must stay on one line
  if (typeof value === 'string' && /[\0-\x1f\x7f]/.test(value)) return JSON.stringify(value);
  if (!flow || typeof value !== 'string') return stringify(value, options).trim();
  return stringify([value], { ...options, collectionStyle: 'flow' })
    .trim()
    .slice(1, -1)
    .trim();
}
