import * as vscode from 'vscode';
import { VernierError } from '../../errors';
import type { TextEdit } from '../../recipe/text-edit';
import { difference } from './changes';

/** The range in a document that an edit's offsets mean. */
export function rangeOf(document: vscode.TextDocument, start: number, end: number): vscode.Range {
  return new vscode.Range(document.positionAt(start), document.positionAt(end));
}

/** Changes of a document's text as the editor applies them: in one step, so that one undo takes them back. */
export function workspaceEdit(
  document: vscode.TextDocument,
  changes: readonly TextEdit[],
): vscode.WorkspaceEdit {
  const edit = new vscode.WorkspaceEdit();
  for (const { start, end, text } of changes)
    edit.replace(document.uri, rangeOf(document, start, end), text);
  return edit;
}

/** Brings a recipe's document to this text and saves it. */
export async function writeRecipe(path: string, text: string): Promise<void> {
  const uri = vscode.Uri.file(path);
  if (!(await exists(uri))) {
    await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(text));
    return;
  }
  const document = await vscode.workspace.openTextDocument(uri);
  const change = difference(document.getText(), text);
  if (change && !(await vscode.workspace.applyEdit(workspaceEdit(document, [change]))))
    throw new VernierError('job.io', 'The recipe could not be edited.', { file: path });
  if (document.isDirty && !(await document.save()))
    throw new VernierError('job.io', 'The recipe could not be saved.', {
      file: path,
      remedy: 'Check that the file may be written.',
    });
}

async function exists(uri: vscode.Uri): Promise<boolean> {
  try {
    await vscode.workspace.fs.stat(uri);
    return true;
  } catch {
    return false;
  }
}
