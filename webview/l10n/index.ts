import { computed, signal } from '@preact/signals';
import { en } from './en';
import { write, type Params, type Phrase, type Table, type TextKey } from './phrase';
import { zhCn } from './zh-cn';

/** BCP 47 tag of the editor's language. */
export const language = signal('en');

const table = computed<Table>(() =>
  /^zh\b/i.test(language.value) && !/^zh-(tw|hk|hant)/i.test(language.value) ? zhCn : en,
);

/** A text in the editor's language; components that call it follow a change of language. */
export function t(key: TextKey, params?: Params): string {
  return write(table.value, [key, params]);
}

/** A phrase in the editor's language. */
export function say(phrase: Phrase): string {
  return write(table.value, phrase);
}
