import * as vscode from 'vscode';
import { VernierError } from '../../errors';
import { writeRecipe } from '../language/edit';
import type { LayerSwitch } from '../language/switchLayers';
import type { NamedLayer } from '../../recipe/match';
import { untrusted, type ModelSession } from '../session/session';
import { readRecipe } from '../sessions';

/**
 * Keeps layers in FP32 or quantizes them again, in the recipe, and runs it. The run starts with the new
 * text while the editor still applies and saves it; a run that is under way gives way: the latest wish wins.
 */
export async function keepAndRun(session: ModelSession, wish: LayerSwitch): Promise<void> {
  const { switchLayers } = await import('../language/switchLayers');
  await editAndRun(session, (text, layers) => switchLayers(text, wish, layers));
}

/** Changes the text of a recipe and runs it, as {@link keepAndRun} does. */
export async function editAndRun(
  session: ModelSession,
  edit: (text: string, layers: readonly NamedLayer[]) => string,
): Promise<void> {
  if (!vscode.workspace.isTrusted) throw untrusted();
  const { text } = await readRecipe(session.recipePath);
  if (text === null)
    throw new VernierError('recipe.not-found', `${session.state.fileName} has no recipe yet.`, {
      remedy: 'Quantize the model first.',
    });
  const { summary, result } = session.state;
  const switched = edit(text, summary?.layers ?? result?.layers ?? []);
  if (switched === text) return;
  const run = session.start({ title: vscode.l10n.t('Quantize'), until: 'all', text: switched });
  await writeRecipe(session.recipePath, switched);
  await session.recipeChanged();
  void run;
}
