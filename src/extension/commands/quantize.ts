import { VernierError } from '../../errors';
import type { RunResult } from '../../results';
import type { RunUntil } from '../../jobs/protocol';
import type { ViewName } from '../../protocol';
import { calibrationNeed } from '../../recipe/modes';
import * as vscode from 'vscode';
import { untrusted, type ModelSession } from '../session/session';
import { chooseData, WITHOUT_DATA } from './chooseData';
import { pickMode } from './chooseWord';
import { startAsking } from './run';
import { setRecipeData } from './recipeData';
import type { Services } from './services';
import { showInspector, targetOf } from './target';

/** What a caller may say instead of being asked: tests, links, the page. */
export interface RunOptions {
  /** Calibration data as a recipe names it, or `random`. */
  data?: string;
}

interface Way {
  title: string;
  until: RunUntil;
  view: ViewName;
  /** Whether to ask for data even where the recipe names some. */
  asks: boolean;
}

/** *Quantize Model…*: asks for data where there is no recipe, writes one, and runs all of it. */
export function quantize(services: Services, argument: unknown, options?: RunOptions) {
  const title = vscode.l10n.t('Quantize');
  return go(services, argument, options, { title, until: 'all', view: 'overview', asks: false });
}

/** *Calibrate…*: asks for data, and looks at the ranges before anything is written. */
export function calibrate(services: Services, argument: unknown, options?: RunOptions) {
  const title = vscode.l10n.t('Calibrate');
  return go(services, argument, options, { title, until: 'calibrate', view: 'ranges', asks: true });
}

/** *Compare with FP32…*: every measurement, then the layers' errors. */
export function compare(services: Services, argument: unknown, options?: RunOptions) {
  const title = vscode.l10n.t('Compare with FP32');
  return go(services, argument, options, { title, until: 'all', view: 'errors', asks: false });
}

async function go(
  services: Services,
  argument: unknown,
  options: RunOptions | undefined,
  way: Way,
): Promise<RunResult | null> {
  if (!vscode.workspace.isTrusted) throw untrusted();
  const session = await targetOf(argument, services.sessions, true);
  if (!session) return null;
  if (!(await ensureData(session, options?.data, way.asks))) return null;
  const fromRecipe = vscode.window.activeTextEditor?.document.uri.fsPath === session.recipePath;
  if (!fromRecipe && !services.inspector.isVisible(session)) await showInspector(session);
  services.inspector.broadcast(session, { type: 'view', view: way.view });
  return startAsking(session, way);
}

/** Sees to it that the recipe names data; false when the user would not say. */
export async function ensureData(
  session: ModelSession,
  given: string | undefined,
  asks: boolean,
): Promise<boolean> {
  const { recipe, failure } = session.state;
  const broken = failure?.code === 'data.not-found' || failure?.code === 'data.empty';
  const enough =
    recipe.exists &&
    (recipe.calibrationSource !== null || calibrationNeed(recipe.mode) !== 'needed');
  if (given === undefined && enough && !asks && !broken) return true;
  const data = given ?? (await chooseData(session, !asks));
  if (data === undefined) return false;
  if (data === WITHOUT_DATA) return (await pickMode(session, true)) !== undefined;
  if (data !== recipe.calibrationSource || !recipe.exists) await setRecipeData(session, data);
  if (!session.state.recipe.exists)
    throw new VernierError('recipe.not-found', 'The recipe could not be written.', {
      file: session.recipePath,
    });
  return true;
}
