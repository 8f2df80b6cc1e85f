import * as vscode from 'vscode';
import { VernierError } from '../../errors';
import type { Services } from './services';
import { pickModel, showInspector, targetOf } from './target';
import type { ModelSession } from '../session/session';

export interface OpenRecipeOptions {
  /** One-based line to show. */
  line?: number;
  /** Layer whose line to show: its own entry, or `keep_fp32:`. */
  layer?: string;
}

/** *Open Recipe*: shows the recipe of a model, at a line or at a layer. */
export async function openRecipe(
  services: Services,
  argument: unknown,
  options: OpenRecipeOptions = {},
): Promise<void> {
  const session = await targetOf(argument, services.sessions, false);
  if (!session) return;
  const { recipe } = session.state;
  if (!recipe.exists)
    throw new VernierError('recipe.not-found', `${session.state.fileName} has no recipe yet.`, {
      file: session.recipePath,
      remedy: 'Quantize the model to write one.',
    });
  const line = options.line ?? lineOf(session, options.layer);
  const at = line === undefined ? undefined : new vscode.Range(line - 1, 0, line - 1, 0);
  await vscode.window.showTextDocument(vscode.Uri.file(session.recipePath), {
    selection: at,
    preview: false,
  });
}

/** *Open Model*: from a recipe to its model; from anywhere else, a model that the user picks. */
export async function openModel(services: Services, argument: unknown): Promise<void> {
  const uri = argument instanceof vscode.Uri ? argument : undefined;
  const fromRecipe = await targetOf(uri, services.sessions, false);
  if (fromRecipe && (uri ?? isRecipeActive())) {
    await showInspector(fromRecipe);
    return;
  }
  const picked = await pickModel();
  if (picked) await showInspector(services.sessions.get(picked.fsPath));
}

/** Lets an open editor of the recipe follow the page's selection, without taking the focus. */
export function revealInRecipe(session: ModelSession, layer: string | null): void {
  const line = layer === null ? undefined : session.state.recipe.lines[layer];
  if (line === undefined) return;
  const editor = vscode.window.visibleTextEditors.find(
    ({ document }) => document.uri.fsPath === session.recipePath,
  );
  editor?.revealRange(
    new vscode.Range(line - 1, 0, line - 1, 0),
    vscode.TextEditorRevealType.InCenterIfOutsideViewport,
  );
}

function lineOf(session: ModelSession, layer: string | undefined): number | undefined {
  return layer === undefined ? undefined : session.state.recipe.lines[layer];
}

function isRecipeActive(): boolean {
  return vscode.window.activeTextEditor !== undefined;
}
