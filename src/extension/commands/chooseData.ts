import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as vscode from 'vscode';
import { asNamedInRecipe, dataCandidates } from '../session/lookup';
import type { ModelSession } from '../session/session';
import { ask } from './ask';

interface DataItem extends vscode.QuickPickItem {
  choose(): Promise<string | typeof WITHOUT_DATA | undefined>;
}

/** The answer *without data*: a mode is wanted that needs none. */
export const WITHOUT_DATA: unique symbol = Symbol('without data');

/**
 * Asks which data to calibrate with and answers as the recipe would say it; undefined when the question was
 * dismissed. What the recipe says now stands first. @param orNone offers to do without
 */
export function chooseData(session: ModelSession): Promise<string | undefined>;
export function chooseData(
  session: ModelSession,
  orNone: boolean,
): Promise<string | typeof WITHOUT_DATA | undefined>;
export async function chooseData(
  session: ModelSession,
  orNone = false,
): Promise<string | typeof WITHOUT_DATA | undefined> {
  const current = session.state.recipe.calibrationSource;
  const entries = await readdir(dirname(session.modelPath), { withFileTypes: true });
  const beside = dataCandidates(
    entries.map((entry) => ({ name: entry.name, folder: entry.isDirectory() })),
  ).filter((name) => name !== current);
  const known: DataItem[] = beside.map((name) => ({
    label: name,
    description: vscode.l10n.t('beside the model'),
    iconPath: new vscode.ThemeIcon(name.endsWith('/') ? 'folder' : 'file'),
    choose: async () => name,
  }));
  const items: DataItem[] = [
    ...(current
      ? [
          {
            label: current,
            description: vscode.l10n.t('in the recipe now'),
            iconPath: new vscode.ThemeIcon('check'),
            choose: async () => current,
          },
        ]
      : []),
    ...known,
    {
      label: vscode.l10n.t('Choose a Folder…'),
      description: vscode.l10n.t('images, or an ONNX test_data_set'),
      iconPath: new vscode.ThemeIcon('folder-opened'),
      choose: () => browse(session, true),
    },
    {
      label: vscode.l10n.t('Choose a File…'),
      description: '.npy, .npz',
      iconPath: new vscode.ThemeIcon('file-add'),
      choose: () => browse(session, false),
    },
    {
      label: vscode.l10n.t('Random Data'),
      description: vscode.l10n.t('marked as random everywhere; says nothing about real inputs'),
      iconPath: new vscode.ThemeIcon('warning'),
      choose: async () => 'random',
    },
    ...(orNone
      ? [
          {
            label: vscode.l10n.t('Without Data…'),
            description: vscode.l10n.t('in a mode that reads no ranges, such as dynamic'),
            iconPath: new vscode.ThemeIcon('circle-slash'),
            choose: async (): Promise<typeof WITHOUT_DATA> => WITHOUT_DATA,
          },
        ]
      : []),
  ];
  const chosen = await ask(items, {
    title: vscode.l10n.t('Calibrate {0}', session.state.fileName),
    placeHolder: vscode.l10n.t('Data that looks like what the model will see'),
  });
  return chosen?.choose();
}

async function browse(session: ModelSession, folder: boolean): Promise<string | undefined> {
  const opened = await vscode.window.showOpenDialog({
    canSelectFolders: folder,
    canSelectFiles: !folder,
    filters: folder ? undefined : { NumPy: ['npy', 'npz'] },
    defaultUri: vscode.Uri.file(dirname(session.modelPath)),
    openLabel: vscode.l10n.t('Calibrate'),
  });
  const path = opened?.[0]?.fsPath;
  return path && asNamedInRecipe(session.recipePath, path) + (folder ? '/' : '');
}
