import { applyEdits, keepLayers, narrowLayers, quantizeAgain, widenLayers } from './edit';
import type { NamedLayer } from './match';

/** A layer that a plan of mixed precision takes out of INT8. */
export interface ChosenLayer {
  layer: string;
  precision: 'float32' | 'int16';
}

/** A recipe's text with these layers taken out of INT8 too; comments stay. Throws `recipe.syntax`. */
export function withPlan(text: string, choices: readonly ChosenLayer[]): string {
  const kept = applyEdits(text, keepLayers(text, named(choices, 'float32')));
  return applyEdits(kept, widenLayers(kept, named(choices, 'int16')));
}

/**
 * The same in place of another plan: layers of `others` that are not in this one are quantized to INT8 again, as the recipe
 * had them before. @param layers those of the model
 */
export function insteadOfPlan(
  text: string,
  choices: readonly ChosenLayer[],
  others: readonly ChosenLayer[],
  layers: readonly NamedLayer[],
): string {
  const wanted = new Set(choices.map(({ layer, precision }) => `${precision} ${layer}`));
  const gone = others.filter(({ layer, precision }) => !wanted.has(`${precision} ${layer}`));
  const freed = applyEdits(text, quantizeAgain(text, named(gone, 'float32'), layers));
  return withPlan(applyEdits(freed, narrowLayers(freed, named(gone, 'int16'))), choices);
}

function named(choices: readonly ChosenLayer[], precision: ChosenLayer['precision']): string[] {
  return choices.filter((c) => c.precision === precision).map((c) => c.layer);
}
