import * as vscode from 'vscode';
import { VernierError } from '../../errors';
import type { Requests } from '../../jobs/protocol';
import type { Sessions } from '../sessions';
import { progressText } from '../status/progressText';

/** One request in a worker of its own, under a notification with its progress and Cancel; undefined where that was pressed. */
export async function underNotification<M extends keyof Requests>(
  sessions: Sessions,
  title: string,
  method: M,
  params: Parameters<Requests[M]>[0],
): Promise<ReturnType<Requests[M]> | undefined> {
  const abort = new AbortController();
  try {
    return await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title, cancellable: true },
      (report, token) => {
        token.onCancellationRequested(() => abort.abort());
        return sessions.once(method, params, {
          signal: abort.signal,
          onProgress: (progress) => report.report({ message: progressText(progress) }),
        });
      },
    );
  } catch (thrown) {
    if (thrown instanceof VernierError && thrown.code === 'job.cancelled') return undefined;
    throw thrown;
  }
}
