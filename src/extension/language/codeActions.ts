import * as vscode from 'vscode';
import { offeredFor } from '../commands/afterFix';
import { commands } from '../manifest/commands';
import type { Sessions } from '../sessions';
import { setting } from '../setting';
import { workspaceEdit } from './edit';
import type { Fix } from './fixes';

/** Light bulbs on recipes. What changes the layers in FP32 is saved and run afterwards, as the setting says. */
export class RecipeFixes implements vscode.CodeActionProvider {
  static readonly kinds = [vscode.CodeActionKind.QuickFix];

  constructor(private readonly sessions: Sessions) {}

  async provideCodeActions(
    document: vscode.TextDocument,
    range: vscode.Range,
    context: vscode.CodeActionContext,
  ): Promise<vscode.CodeAction[]> {
    if (document.uri.scheme !== 'file') return [];
    const path = document.uri.fsPath;
    const { version } = document;
    const [{ summary, result }, { fixesFor }] = await Promise.all([
      this.sessions.known(path),
      import('./fixes'),
    ]);
    const fixes = await fixesFor(
      path,
      document.getText(),
      { start: document.offsetAt(range.start), end: document.offsetAt(range.end) },
      { summary, result, hurts: setting('vernier.diagnostics.layersThatHurt', document.uri) },
    );
    if (document.version !== version) return [];
    if (fixes.length > 0) offeredFor(document.uri);
    return fixes.map((fix) => asAction(fix, document, context.diagnostics));
  }
}

function asAction(
  fix: Fix,
  document: vscode.TextDocument,
  diagnostics: readonly vscode.Diagnostic[],
): vscode.CodeAction {
  const action = new vscode.CodeAction(titleOf(fix), vscode.CodeActionKind.QuickFix);
  action.edit = workspaceEdit(document, fix.changes);
  action.isPreferred = fix.preferred;
  const { problem } = fix;
  if (problem)
    action.diagnostics = diagnostics.filter(
      ({ code, message }) => code === problem.code && message.startsWith(problem.message),
    );
  if (fix.kind !== 'replace')
    action.command = {
      command: commands.afterFix.id,
      title: vscode.l10n.t('Quantize'),
      // No arguments: VS Code forgets those as soon as it asks for light bulbs again, which it does while the edit
      // is applied, and then does not find the command.
    };
  return action;
}

function titleOf({ kind, names }: Fix): string {
  const first = names[0] ?? '';
  switch (kind) {
    case 'keep':
      return vscode.l10n.t('Keep `{0}` in FP32', first);
    case 'keep-several':
      return vscode.l10n.t('Keep the {0} most sensitive layers in FP32', names.length);
    case 'keep-slower':
      return names.length > 1
        ? vscode.l10n.t(
            'Keep `{0}` and {1} more in FP32: slower than there',
            first,
            names.length - 1,
          )
        : vscode.l10n.t('Keep `{0}` in FP32: slower than there', first);
    case 'quantize-again':
      return vscode.l10n.t('Quantize `{0}` again', first);
    case 'replace':
      return vscode.l10n.t('Change to `{0}`', first);
  }
}
