import * as vscode from 'vscode';
import { VernierError } from '../../errors';
import { mixedText } from '../../report/mixed';
import type { MixedPrecision, PlannedLayer } from '../../results-mixed';
import { untrusted, type ModelSession } from '../session/session';
import { editAndRun } from './keep';
import { ensureData, type RunOptions } from './quantize';
import { mayStart } from './run';
import type { Services } from './services';
import { showInspector, targetOf } from './target';

/**
 * *Plan Mixed Precision…*: tries which layers to take out of INT8, and shows the plans that nothing beats in the inspector,
 * where one can be taken into the recipe. Answers what was found.
 */
export async function planMixed(
  services: Services,
  argument: unknown,
  options?: RunOptions,
): Promise<MixedPrecision | null> {
  if (!vscode.workspace.isTrusted) throw untrusted();
  const session = await targetOf(argument, services.sessions, true);
  if (!session) return null;
  if (!(await ensureData(session, options?.data, false))) return null;
  if (!services.inspector.isVisible(session)) {
    const beside = vscode.window.activeTextEditor?.document.uri.fsPath === session.recipePath;
    await showInspector(session, { beside });
  }
  services.inspector.broadcast(session, { type: 'view', view: 'overview' });
  if (!(await mayStart(session))) return null;
  const mixed = await session.plan(vscode.l10n.t('Plan mixed precision'));
  if (mixed) services.log.info(`${session.state.fileName}:\n${mixedText(mixed)}`);
  return mixed;
}

/** Takes a plan into the recipe, in place of any other plan of the same search, and runs the recipe. */
export async function takePlan(
  session: ModelSession,
  choices: readonly PlannedLayer[],
): Promise<void> {
  const plans = session.state.mixed?.plans;
  if (!plans)
    throw new VernierError('internal', 'There are no plans to take one of.', {
      remedy: 'Plan mixed precision first.',
    });
  const { insteadOfPlan } = await import('../../recipe/plan-edit');
  const others = plans.flatMap((plan) => plan.choices);
  await editAndRun(session, (text, layers) => insteadOfPlan(text, choices, others, layers));
}
