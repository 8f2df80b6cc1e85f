import * as vscode from 'vscode';
import type { Services } from './services';
import { targetOf } from './target';

/** *Cancel*: ends the job of this model, or the only one, or the one that is picked. */
export async function cancel(services: Services, argument: unknown): Promise<void> {
  const session = await targetOf(argument, services.sessions, false);
  if (session?.state.job) {
    session.cancel();
    return;
  }
  const running = services.sessions.all().filter(({ state }) => state.job);
  if (running.length <= 1) {
    running[0]?.cancel();
    return;
  }
  const chosen = await vscode.window.showQuickPick(
    running.map((one) => ({
      label: one.state.fileName,
      description: one.state.job?.title,
      session: one,
    })),
    { placeHolder: vscode.l10n.t('Which job?') },
  );
  chosen?.session.cancel();
}
