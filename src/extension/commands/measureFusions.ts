import * as vscode from 'vscode';
import { gainsText } from '../../report/fusion-gains';
import type { FusionMeasurement } from '../../results';
import { untrusted } from '../session/session';
import { refuseBeside } from './aloneHere';
import type { Services } from './services';
import { showInspector, targetOf } from './target';

/**
 * *Measure Gain of Fusions*: times the model without one of the runtime's optimizers after the other, and shows what each
 * gains among the fusions. The written model where there is one. Answers what was found.
 */
export async function measureFusions(
  services: Services,
  argument: unknown,
): Promise<FusionMeasurement | null> {
  if (!vscode.workspace.isTrusted) throw untrusted();
  const session = await targetOf(argument, services.sessions, true);
  if (!session) return null;
  refuseBeside(services.sessions, 'measure');
  if (!services.inspector.isVisible(session)) {
    const beside = vscode.window.activeTextEditor?.document.uri.fsPath === session.recipePath;
    await showInspector(session, { beside });
  }
  services.inspector.broadcast(session, { type: 'view', view: 'fusions' });
  const measured = await session.measureFusions(vscode.l10n.t('Measure fusions'));
  if (measured) services.log.info(`${session.state.fileName}:\n${gainsText(measured)}`);
  return measured;
}
