import { basename } from 'node:path';
import * as vscode from 'vscode';
import { VernierError } from '../../errors';
import type { DiffResult } from '../../results';
import { isModelPath } from '../session/lookup';
import type { ModelSession } from '../session/session';
import { untrusted } from '../session/session';
import { readRecipe } from '../sessions';
import type { Services } from './services';
import { activeFile, pickModel, sessionOf } from './target';
import { underNotification } from './underNotification';

/** Name of the view, for the editor alone. */
const VIEW = 'vernier.comparison';

/**
 * *Compare Models…*: any two models side by side in a page. Two that are selected in the explorer; else the one that the
 * command was called on or that is open, and another, its quantized model first. Both run on what the recipe of one of them
 * evaluates on, or else on random data, which is said. Answers what was found.
 */
export async function compareModels(
  services: Services,
  argument: unknown,
  selection: unknown,
): Promise<DiffResult | undefined> {
  if (!vscode.workspace.isTrusted) throw untrusted();
  const pair = await pairOf(services, argument, selection);
  if (!pair) return undefined;
  const [a, b] = pair;
  const recipe =
    (await recipeOf(await session(services, a))) ?? (await recipeOf(await session(services, b)));
  const title = vscode.l10n.t('Comparing {0} with {1}', basename(a), basename(b));
  const request = { a, b, time: true, ...(recipe === null ? {} : { recipe }) };
  const result = await underNotification(services.sessions, title, 'diff', request);
  if (!result) return undefined;
  await show(result);
  return result;
}

/** Paths of both; undefined where a question was dismissed. */
async function pairOf(
  services: Services,
  argument: unknown,
  selection: unknown,
): Promise<[string, string] | undefined> {
  const selected = (Array.isArray(selection) ? selection : []).filter(
    (each): each is vscode.Uri => each instanceof vscode.Uri && isModelPath(each.fsPath),
  );
  if (selected.length > 2)
    throw new VernierError(
      'cli.usage',
      vscode.l10n.t('{0} models are selected.', selected.length),
      {
        remedy: vscode.l10n.t('Select two.'),
      },
    );
  if (selected.length === 2) return [selected[0]!.fsPath, selected[1]!.fsPath];
  const first =
    (argument instanceof vscode.Uri ? argument : undefined) ?? activeFile() ?? (await pickModel());
  if (!first) return undefined;
  const { modelPath, state } = await sessionOf(first, services.sessions);
  const written = state.result?.output ?? null;
  const second = await pickModel(
    vscode.l10n.t('Which model to compare {0} with?', basename(modelPath)),
    written === null || written === modelPath
      ? []
      : [
          {
            label: vscode.workspace.asRelativePath(written),
            description: vscode.l10n.t('written from it'),
            uri: vscode.Uri.file(written),
          },
        ],
    vscode.Uri.file(modelPath),
  );
  return second ? [modelPath, second.fsPath] : undefined;
}

async function session({ sessions }: Services, model: string): Promise<ModelSession> {
  return sessionOf(vscode.Uri.file(model), sessions);
}

/** The recipe of a model where that names data, as it is saved. */
async function recipeOf({ recipePath, state }: ModelSession): Promise<string | null> {
  if (!state.recipe.exists) return null;
  const [{ parseRecipe }, { text }] = await Promise.all([
    import('../../recipe/parse'),
    readRecipe(recipePath),
  ]);
  const recipe = text === null ? null : parseRecipe(text, recipePath).recipe;
  return (recipe?.evaluate?.data ?? recipe?.calibration?.data) ? recipePath : null;
}

async function show(result: DiffResult): Promise<void> {
  const [{ renderDiffHtml }, { editorStyle }, { diffWordsFor }] = await Promise.all([
    import('../../report/diff-html'),
    import('../../report/html/style'),
    import('../../report/diff-language'),
  ]);
  const name = `${basename(result.a.file)} ↔ ${basename(result.b.file)}`;
  const panel = vscode.window.createWebviewPanel(VIEW, name, vscode.ViewColumn.Active, {
    enableScripts: false,
    enableFindWidget: true,
    localResourceRoots: [],
  });
  panel.webview.html = renderDiffHtml(result, editorStyle, diffWordsFor(vscode.env.language));
}
