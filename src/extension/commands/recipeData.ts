import { writeRecipe } from '../language/edit';
import { asNamedInRecipe } from '../session/lookup';
import type { ModelSession } from '../session/session';
import { readRecipe } from '../sessions';

/** Writes calibration data into the recipe of a model; where there is no recipe yet, writes one. */
export async function setRecipeData(session: ModelSession, data: string): Promise<void> {
  const path = session.recipePath;
  const { text } = await readRecipe(path);
  if (text === null) {
    const { newRecipe } = await import('../../recipe/write');
    const model = asNamedInRecipe(path, session.modelPath);
    await writeRecipe(path, newRecipe({ model, calibration: data }));
    await session.useRecipe(path);
  } else {
    const { withData } = await import('../language/recipeData');
    await writeRecipe(path, withData(text, data));
  }
  await session.recipeChanged();
}
