import type { en } from './en';

/** Key of a text; both tables have every one (tested). */
export type TextKey = keyof typeof en;
/** What stands in a text's places; `{ text }` is another text of the same table, `n` its number. */
export type Params = Record<string, string | number | { text: TextKey; n?: number }>;
/** A text that is not written yet: pure logic makes these, the page writes them in its language. */
export type Phrase = readonly [key: TextKey, params?: Params];
export type Table = Record<TextKey, string>;

/** Writes a text: `{name}` is replaced, `{n|one|many}` chooses by the number (and may hold names itself). */
export function write(table: Table, [key, params = {}]: Phrase): string {
  return table[key]
    .replace(
      /\{(\w+)\|([^|{}]*)\|((?:[^{}]|\{\w+\})*)\}/g,
      (_, name: string, one: string, many: string) => (Number(params[name]) === 1 ? one : many),
    )
    .replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = params[name];
      if (typeof value !== 'object') return String(value ?? whole);
      return write(table, [value.text, { n: value.n ?? '' }]);
    });
}
