import * as vscode from 'vscode';
import type { InspectorProvider } from '../inspector/provider';
import { ids } from '../manifest/ids';
import type { Sessions } from '../sessions';

/** The layer whose entry the cursor stands on is selected in the inspector: one selection everywhere. */
export function followCursor(sessions: Sessions, inspector: InspectorProvider): vscode.Disposable {
  return vscode.window.onDidChangeTextEditorSelection(({ textEditor, selections, kind }) => {
    const { document } = textEditor;
    if (document.languageId !== ids.language || kind === undefined) return;
    const session = sessions.showing(document.uri.fsPath);
    if (!session || !inspector.isVisible(session)) return;
    const { kept, lines } = session.state.recipe;
    const line = (selections[0]?.active.line ?? -1) + 1;
    const layer = kept.find((name) => lines[name] === line);
    if (layer) inspector.broadcast(session, { type: 'select', layer });
  });
}
