import * as vscode from 'vscode';
import type { RunResult } from '../../results';
import type { ModelSession, RunWish } from '../session/session';

/**
 * Runs a recipe unless a job of this model is under way and the user would rather let it go on. Null when
 * nothing came of it; the failure, if there was one, is in the session's state.
 */
export async function startAsking(session: ModelSession, wish: RunWish): Promise<RunResult | null> {
  return (await mayStart(session)) ? session.start(wish) : null;
}

/** Asks where a job of this model is under way, and saves the recipe; false where the user would rather let that job be. */
export async function mayStart(session: ModelSession): Promise<boolean> {
  const { job } = session.state;
  if (job) {
    const stop = vscode.l10n.t('Stop It');
    const after = vscode.l10n.t('Afterwards');
    const answer = await vscode.window.showWarningMessage(
      vscode.l10n.t('"{0}" is still running on {1}.', job.title, session.state.fileName),
      stop,
      after,
    );
    if (!answer) return false;
    if (answer === after) await session.idle();
  }
  await saveRecipe(session);
  return true;
}

/** What is run is what is saved, so that a result on disk belongs to the recipe on disk. */
export async function saveRecipe(session: ModelSession): Promise<void> {
  const document = vscode.workspace.textDocuments.find(
    ({ uri }) => uri.scheme === 'file' && uri.fsPath === session.recipePath,
  );
  if (document?.isDirty) await document.save();
}
