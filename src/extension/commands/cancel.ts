import * as vscode from 'vscode';
import type { ModelSession } from '../session/session';
import { ask } from './ask';
import type { Services } from './services';
import { targetOf } from './target';

/** Ends the job of a model, and says so for a moment. */
export function cancelJob(session: ModelSession): void {
  const { job, fileName } = session.state;
  if (!job) return;
  session.cancel();
  const text = vscode.l10n.t('Cancelled: {0}, {1}', job.title, fileName);
  vscode.window.setStatusBarMessage(`$(circle-slash) ${text}`, 8000);
}

/** *Cancel*: ends the job of this model, or the only one, or the one that is picked. */
export async function cancel(services: Services, argument: unknown): Promise<void> {
  const session = await targetOf(argument, services.sessions, false);
  if (session?.state.job) {
    cancelJob(session);
    return;
  }
  const running = services.sessions.all().filter(({ state }) => state.job);
  if (running.length <= 1) {
    if (running[0]) cancelJob(running[0]);
    return;
  }
  const chosen = await ask(
    running.map((one) => ({
      label: one.state.fileName,
      description: one.state.job?.title,
      session: one,
    })),
    { placeHolder: vscode.l10n.t('Which job?') },
  );
  if (chosen) cancelJob(chosen.session);
}
