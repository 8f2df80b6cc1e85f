import * as vscode from 'vscode';

/**
 * Asks with a list that stays until a row is picked or Escape is pressed. A list that goes with the focus is taken for an answer
 * that nobody gave: a webview that finishes loading, or gets the focus back when the palette closes, takes it on a slow machine.
 */
export function ask<T extends vscode.QuickPickItem>(
  items: readonly T[],
  options: vscode.QuickPickOptions & { canPickMany: true },
): Thenable<T[] | undefined>;
export function ask<T extends vscode.QuickPickItem>(
  items: readonly T[],
  options: vscode.QuickPickOptions & { canPickMany?: false },
): Thenable<T | undefined>;
export function ask(
  items: readonly vscode.QuickPickItem[],
  options: vscode.QuickPickOptions,
): Thenable<unknown> {
  return vscode.window.showQuickPick(items, { ...options, ignoreFocusOut: true });
}
