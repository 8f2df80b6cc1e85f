import type { InspectorState, Note } from '../../src/protocol';

/** Notes of what was measured beside a run, plans and the sensitivity of layers, as long as the recipe is the one that they are about. */
export function foundNotes({
  mixed,
  sensitivity,
  recipe,
}: Pick<InspectorState, 'mixed' | 'sensitivity'> & {
  recipe: Pick<InspectorState['recipe'], 'dirtySincePlans' | 'dirtySinceSensitivity'>;
}): Note[] {
  return [
    ...(recipe.dirtySincePlans ? [] : (mixed?.notes ?? [])),
    ...(recipe.dirtySinceSensitivity ? [] : (sensitivity?.notes ?? [])),
  ];
}
