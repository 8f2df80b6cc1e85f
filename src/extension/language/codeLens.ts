import * as vscode from 'vscode';
import { verdictLine } from '../../report/figures/verdict';
import { commands } from '../manifest/commands';
import type { Sessions } from '../sessions';
import { setting } from '../setting';

/** The lines above a recipe: run it, with what it gave last, and open its model. */
export class RecipeLenses implements vscode.CodeLensProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.changed.event;
  private readonly subscription: vscode.Disposable;

  constructor(private readonly sessions: Sessions) {
    this.subscription = vscode.Disposable.from(
      sessions.onDidChange(({ patch }) => {
        const ended = 'job' in patch && (patch.job === null || patch.job?.progress === null);
        if (ended || 'result' in patch || 'recipe' in patch) this.changed.fire();
      }),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration('vernier.codeLens')) this.changed.fire();
      }),
    );
  }

  dispose(): void {
    this.subscription.dispose();
    this.changed.dispose();
  }

  async provideCodeLenses(document: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    if (document.uri.scheme !== 'file' || !setting('vernier.codeLens', document.uri)) return [];
    const { session, result } = await this.sessions.known(document.uri.fsPath);
    if (!session) return [];
    const top = new vscode.Range(0, 0, 0, 0);
    const lens = (command: string, title: string) =>
      new vscode.CodeLens(top, { command, title, arguments: [document.uri] });
    const shown = session.recipePath === document.uri.fsPath;
    const { job, recipe } = session.state;
    const stale = shown && recipe.dirtySinceResult;
    const first =
      job && shown
        ? lens(commands.cancel.id, `$(sync~spin) ${job.title} · ${vscode.l10n.t('Cancel')}`)
        : lens(commands.quantize.id, quantizeTitle(result && verdictLine(result), stale));
    return [first, lens(commands.openModel.id, `$(open-preview) ${vscode.l10n.t('Open model')}`)];
  }
}

function quantizeTitle(last: string | null, stale: boolean): string {
  const title = `$(zap) ${vscode.l10n.t('Quantize')}`;
  if (!last) return title;
  return stale
    ? `${title} · ${vscode.l10n.t('before the last change: {0}', last)}`
    : `${title} · ${vscode.l10n.t('last: {0}', last)}`;
}
