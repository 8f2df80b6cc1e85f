import { diffEnglish, type DiffWords } from './diff-words';
import { diffChinese } from './diff-zh-cn';

/** The words of a comparison in the editor's language: 简体中文, or else English. @param language BCP 47 tag */
export function diffWordsFor(language: string): DiffWords {
  const chinese = /^zh\b/i.test(language) && !/^zh-(tw|hk|hant)/i.test(language);
  return chinese ? diffChinese : diffEnglish;
}
