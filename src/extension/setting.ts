import * as vscode from 'vscode';
import { settings, type Settings } from './manifest/settings';

/** A setting's value for a file, or for the window. */
export function setting<K extends keyof Settings>(key: K, scope?: vscode.Uri): Settings[K] {
  const [section, ...rest] = key.split('.');
  return (
    vscode.workspace.getConfiguration(section, scope).get<Settings[K]>(rest.join('.')) ??
    settings[key].default
  );
}
