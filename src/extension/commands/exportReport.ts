import { basename, dirname, extname, join } from 'node:path';
import * as vscode from 'vscode';
import { VernierError } from '../../errors';
import type { Services } from './services';
import { targetOf } from './target';

export interface ExportOptions {
  /** Where the report goes; asked for if it is left out. */
  to?: vscode.Uri;
}

/** *Export Report…*: the last result as one HTML file. Answers where it went. */
export async function exportReport(
  services: Services,
  argument: unknown,
  options: ExportOptions = {},
): Promise<vscode.Uri | undefined> {
  const session = await targetOf(argument, services.sessions, true);
  if (!session) return undefined;
  const { result } = session.state;
  if (!result)
    throw new VernierError('recipe.not-found', `${session.state.fileName} has no result yet.`, {
      remedy: 'Quantize the model first.',
    });
  await session.ensureSummary();
  const stem = basename(session.modelPath, extname(session.modelPath));
  const to =
    options.to ??
    (await vscode.window.showSaveDialog({
      defaultUri: vscode.Uri.file(join(dirname(session.recipePath), `${stem}.report.html`)),
      filters: { HTML: ['html'] },
      saveLabel: vscode.l10n.t('Export Report'),
    }));
  if (!to) return undefined;
  const { renderHtml } = await import('../../report/html');
  const { summary, mixed, gains, sensitivity } = session.state;
  const html = renderHtml(result, summary, mixed, gains, sensitivity);
  await vscode.workspace.fs.writeFile(to, new TextEncoder().encode(html));
  void offerToOpen(to);
  return to;
}

async function offerToOpen(report: vscode.Uri): Promise<void> {
  const open = vscode.l10n.t('Open');
  const chosen = await vscode.window.showInformationMessage(
    vscode.l10n.t('The report is in {0}.', vscode.workspace.asRelativePath(report)),
    open,
  );
  if (chosen === open) await vscode.env.openExternal(report);
}
