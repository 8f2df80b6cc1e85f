import * as vscode from 'vscode';
import { activeFile } from '../commands/target';
import { contextKeys } from '../manifest/contextKeys';
import { isRecipePath } from '../session/lookup';
import type { ModelSession } from '../session/session';
import type { Sessions } from '../sessions';

const followed = ['job', 'result', 'recipe', 'summary'] as const;

/** Keeps the context keys true to the active editor and to what runs. */
export function followContext(sessions: Sessions): vscode.Disposable {
  const known = new Map<string, boolean>();
  const set = (key: string, value: boolean) => {
    if (known.get(key) === value) return;
    known.set(key, value);
    void vscode.commands.executeCommand('setContext', key, value);
  };
  const update = () => {
    const uri = activeFile();
    const session = uri && shown(uri, sessions);
    set(contextKeys.hasModel, uri !== undefined);
    set(
      contextKeys.hasRecipe,
      session?.state.recipe.exists ?? (uri ? isRecipePath(uri.fsPath) : false),
    );
    set(contextKeys.hasResult, Boolean(session?.state.result));
    set(contextKeys.quantized, Boolean(session?.state.summary?.quantized));
    set(contextKeys.running, session?.running ?? false);
    set(
      contextKeys.anyRunning,
      sessions.all().some(({ running }) => running),
    );
  };
  update();
  return vscode.Disposable.from(
    vscode.window.tabGroups.onDidChangeTabs(update),
    vscode.window.tabGroups.onDidChangeTabGroups(update),
    sessions.onDidChange(({ patch }) => {
      if (followed.some((part) => part in patch)) update();
    }),
  );
}

function shown(uri: vscode.Uri, sessions: Sessions): ModelSession | undefined {
  return isRecipePath(uri.fsPath) ? sessions.showing(uri.fsPath) : sessions.peek(uri.fsPath);
}
