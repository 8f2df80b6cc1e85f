import * as vscode from 'vscode';
import { VernierError } from '../../errors';
import { ids } from '../manifest/ids';
import { isModelPath, isRecipePath } from '../session/lookup';
import type { ModelSession } from '../session/session';
import type { Sessions } from '../sessions';
import { ask } from './ask';

/** The file that the active editor shows, if it is a model or a recipe. */
export function activeFile(): vscode.Uri | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  if (input instanceof vscode.TabInputCustom)
    return input.viewType === ids.editor ? input.uri : undefined;
  if (input instanceof vscode.TabInputText && isOurs(input.uri)) return input.uri;
  return undefined;
}

/**
 * The session that a command is about: the file it was called on, else the active editor's, else one that
 * the user picks (`pick`). Undefined when nothing was picked.
 */
export async function targetOf(
  argument: unknown,
  sessions: Sessions,
  pick: boolean,
): Promise<ModelSession | undefined> {
  const uri =
    (argument instanceof vscode.Uri ? argument : undefined) ??
    activeFile() ??
    (pick ? await pickModel() : undefined);
  if (!uri) return undefined;
  return sessionOf(uri, sessions);
}

/** The session of a model, or of the model that a recipe names. */
export async function sessionOf(uri: vscode.Uri, sessions: Sessions): Promise<ModelSession> {
  if (!isRecipePath(uri.fsPath)) {
    const session = sessions.get(uri.fsPath);
    await session.open();
    return session;
  }
  const session = await sessions.forRecipe(uri.fsPath);
  if (session) return session;
  throw new VernierError('recipe.schema', 'This recipe names no model.', {
    file: uri.fsPath,
    line: 1,
    remedy: 'Add a line such as `model: model.onnx`.',
  });
}

/** One of the models of the workspace, or of anywhere. */
export async function pickModel(
  placeHolder = vscode.l10n.t('Which model?'),
  first: readonly (vscode.QuickPickItem & { uri: vscode.Uri })[] = [],
  without?: vscode.Uri,
): Promise<vscode.Uri | undefined> {
  const found = await vscode.workspace.findFiles('**/*.onnx', '**/{node_modules,.vernier}/**', 200);
  const browse = vscode.l10n.t('Browse…');
  const known = new Set([...first.map(({ uri }) => uri.fsPath), without?.fsPath]);
  const items = found
    .filter(({ fsPath }) => !known.has(fsPath))
    .map((uri) => ({ label: vscode.workspace.asRelativePath(uri), uri }))
    .sort((a, b) => (a.label < b.label ? -1 : 1));
  const chosen = await ask(
    [
      ...first,
      ...items,
      { label: browse, uri: undefined, iconPath: new vscode.ThemeIcon('folder-opened') },
    ],
    { placeHolder },
  );
  if (!chosen) return undefined;
  if (chosen.uri) return chosen.uri;
  const opened = await vscode.window.showOpenDialog({
    filters: { ONNX: ['onnx'] },
    openLabel: vscode.l10n.t('Open Model'),
  });
  return opened?.[0];
}

/** Shows the inspector of a model; a view that is there already comes to the front. */
export async function showInspector(
  session: ModelSession,
  options: { beside?: boolean } = {},
): Promise<void> {
  await vscode.commands.executeCommand(
    'vscode.openWith',
    vscode.Uri.file(session.modelPath),
    ids.editor,
    options.beside ? vscode.ViewColumn.Beside : undefined,
  );
}

function isOurs({ scheme, fsPath }: vscode.Uri): boolean {
  return scheme === 'file' && (isModelPath(fsPath) || isRecipePath(fsPath));
}
