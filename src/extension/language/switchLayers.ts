import { applyEdits, keepLayers, quantizeAgain } from '../../recipe/edit';
import type { NamedLayer } from '../../recipe/match';

/** Layers whose precision is wanted otherwise. */
export interface LayerSwitch {
  keep: readonly string[];
  /** Quantized again. */
  release: readonly string[];
}

/** A recipe's text after the switch; comments stay. Throws `recipe.syntax` where it cannot be edited. */
export function switchLayers(
  text: string,
  { keep, release }: LayerSwitch,
  layers: readonly NamedLayer[],
): string {
  const freed = release.length ? applyEdits(text, quantizeAgain(text, release, layers)) : text;
  return keep.length ? applyEdits(freed, keepLayers(freed, keep)) : freed;
}
