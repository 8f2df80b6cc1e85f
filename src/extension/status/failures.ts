import * as vscode from 'vscode';
import type { ErrorData } from '../../errors';
import { commands } from '../manifest/commands';
import { errorLine, remedyAction, type RemedyAction } from '../remedy';
import type { ModelSession } from '../session/session';
import type { Sessions } from '../sessions';

/** One notification a failure, with its remedy as a button; the failure itself stands in the view. */
export function notifyFailures(sessions: Sessions): vscode.Disposable {
  return sessions.onDidChange(({ session, patch }) => {
    if (patch.failure) void notify(session, patch.failure);
  });
}

async function notify(session: ModelSession, error: ErrorData): Promise<void> {
  const action = remedyAction(error);
  const labels: Record<RemedyAction, string> = {
    openRecipe: vscode.l10n.t('Open Recipe'),
    chooseData: vscode.l10n.t('Choose Data…'),
    runAgain: vscode.l10n.t('Run Again'),
    manageTrust: vscode.l10n.t('Manage Trust'),
    showLog: vscode.l10n.t('Show Log'),
  };
  const text = `${session.state.fileName}: ${errorLine(error)}`;
  const button = action && labels[action];
  const chosen = await (button
    ? vscode.window.showErrorMessage(text, button)
    : vscode.window.showErrorMessage(text));
  if (chosen && action) await act(session, action, error);
}

async function act(session: ModelSession, action: RemedyAction, error: ErrorData): Promise<void> {
  const model = vscode.Uri.file(session.modelPath);
  switch (action) {
    case 'openRecipe':
      await vscode.commands.executeCommand(commands.openRecipe.id, model, { line: error.line });
      return;
    case 'chooseData':
      await vscode.commands.executeCommand(commands.calibrate.id, model);
      return;
    case 'runAgain':
      await vscode.commands.executeCommand(commands.quantize.id, model);
      return;
    case 'manageTrust':
      await vscode.commands.executeCommand('workbench.trust.manage');
      return;
    case 'showLog':
      await vscode.commands.executeCommand(commands.showLog.id);
  }
}
