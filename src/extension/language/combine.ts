import { combineFragments as combine } from '../../recipe/fragments';
import { toVernierError } from '../../recipe/problem';

/**
 * The recipe that fragments add up to, as text. Throws the first error of any of them; a line that it names
 * is a line of its own fragment.
 */
export function combineFragments(fragments: readonly string[], file: string): string {
  const { text, problems } = combine(fragments);
  // the last fragment is the cell that is run: what is wrong there comes first
  const byCell = [...problems].sort((a, b) => b.fragment - a.fragment);
  const first = byCell.find(({ severity }) => severity === 'error');
  const error = first && toVernierError([first], file);
  if (error) throw error;
  return text;
}
