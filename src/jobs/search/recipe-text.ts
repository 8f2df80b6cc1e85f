import { applyEdits, keepPatterns, setValue, widenLayers } from '../../recipe/edit';
import type { SearchCandidate } from '../../results';

/** A recipe's text with the quantization of a candidate written out; its other sections and their comments stay. */
export function candidateText(text: string, { quantization, keep, wide }: SearchCandidate): string {
  const first = applyEdits(text, setValue(text, ['quantization'], quantization));
  const second = applyEdits(first, keepPatterns(first, keep));
  return applyEdits(second, widenLayers(second, wide));
}
