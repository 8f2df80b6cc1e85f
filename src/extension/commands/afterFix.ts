import * as vscode from 'vscode';
import { setting } from '../setting';
import type { Services } from './services';
import { sessionOf } from './target';

/** The recipe for which light bulbs were offered last: the one that a fix has changed. */
let offered: vscode.Uri | undefined;

/** Remembers for which recipe fixes are offered. */
export function offeredFor(recipe: vscode.Uri): void {
  offered = recipe;
}

/** After a quick fix that changed the recipe: saves it and, as the setting says, runs it. */
export async function afterFix({ sessions }: Services): Promise<void> {
  const target = offered;
  if (!target) return;
  const how = setting('vernier.runAfterFix', target);
  if (how === 'never' || !vscode.workspace.isTrusted) return;
  const document = await vscode.workspace.openTextDocument(target);
  await document.save();
  const session = await sessionOf(target, sessions);
  await session.recipeChanged();
  if (how === 'ask') {
    const run = vscode.l10n.t('Run');
    const answer = await vscode.window.showInformationMessage(
      vscode.l10n.t('The recipe has changed. Run it?'),
      run,
    );
    if (answer !== run) return;
  }
  await session.start({ title: vscode.l10n.t('Quantize'), until: 'all' });
}
