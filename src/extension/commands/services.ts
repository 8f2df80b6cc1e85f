import type * as vscode from 'vscode';
import type { InspectorProvider } from '../inspector/provider';
import type { Log } from '../log';
import type { Sessions } from '../sessions';

/** What commands work with; made once in `activate`. */
export interface Services {
  context: vscode.ExtensionContext;
  log: Log;
  sessions: Sessions;
  inspector: InspectorProvider;
}
