import * as vscode from 'vscode';
import { calibrationNeed } from '../../recipe/modes';
import { sensitivityText } from '../../report/sensitivity';
import type { SensitivityStage } from '../../results';
import type { SensitivityMeasure, SensitivityReport } from '../../results-sensitivity';
import { untrusted, type ModelSession, type SensitivityWish } from '../session/session';
import { ask } from './ask';
import { ensureData } from './quantize';
import { mayStart } from './run';
import { sensitivityMeasures, sensitivityStages } from './sensitivityWords';
import type { Services } from './services';
import { showInspector, targetOf } from './target';

/** What a caller may say instead of being asked. */
export interface MeasureSensitivityOptions extends SensitivityWish {
  /** Calibration data as a recipe names it, or `random`. */
  data?: string;
}

/**
 * *Measure Sensitivity of Layers…*: asks how far to go and by what to compare, measures what quantizing each layer does to the
 * outputs, and shows it in the inspector's table of layers. Cancelled, or stopped by the time, it goes on where it was the next
 * time. Answers what was found.
 */
export async function measureSensitivity(
  services: Services,
  argument: unknown,
  options: MeasureSensitivityOptions = {},
): Promise<SensitivityReport | null> {
  if (!vscode.workspace.isTrusted) throw untrusted();
  const session = await targetOf(argument, services.sessions, true);
  if (!session) return null;
  const { data, ...given } = options;
  if (!(await ensureData(session, data, false))) return null;
  const wish = await wishOf(session, given);
  if (!wish) return null;
  if (!services.inspector.isVisible(session)) {
    const beside = vscode.window.activeTextEditor?.document.uri.fsPath === session.recipePath;
    await showInspector(session, { beside });
  }
  services.inspector.broadcast(session, { type: 'view', view: 'layers' });
  if (!(await mayStart(session))) return null;
  const title = vscode.l10n.t('Measure sensitivity');
  const report = await session.measureSensitivity(title, wish);
  if (report) services.log.info(`${session.state.fileName}:\n${sensitivityText(report)}`);
  return report;
}

/** Asks for what is not given; what was stopped can be gone on with in one click. Undefined where nobody would say. */
async function wishOf(
  session: ModelSession,
  given: SensitivityWish,
): Promise<SensitivityWish | undefined> {
  const before = session.state.sensitivity;
  const unfinished = before?.stopped && !given.stage && !given.measure ? before : null;
  const stage = given.stage ?? (await pickStage(session, unfinished));
  if (stage === undefined) return undefined;
  if (stage === GO_ON) return { ...given, stage: before!.stage, measure: before!.measure };
  const measure = given.measure ?? (await pickMeasure(session, stage));
  return measure === undefined ? undefined : { ...given, stage, measure };
}

/** The answer *go on where it was stopped*. */
const GO_ON: unique symbol = Symbol('go on');

interface StageItem extends vscode.QuickPickItem {
  stage: SensitivityStage | typeof GO_ON;
}

async function pickStage(
  session: ModelSession,
  unfinished: SensitivityReport | null,
): Promise<SensitivityStage | typeof GO_ON | undefined> {
  // estimates are read from ranges: where there are none, there is nothing to choose
  if (calibrationNeed(session.state.recipe.mode) !== 'needed' && !unfinished) return 'exact';
  const words = sensitivityStages();
  const goOn: StageItem | null = unfinished && {
    label: vscode.l10n.t('Go on where it was stopped'),
    description: [
      words[unfinished.stage].label,
      sensitivityMeasures()[unfinished.measure].label,
    ].join(', '),
    iconPath: new vscode.ThemeIcon('debug-continue'),
    stage: GO_ON,
  };
  const stages = (Object.keys(words) as SensitivityStage[]).map((stage): StageItem => ({
    ...words[stage],
    stage,
  }));
  const chosen = await ask([...(goOn ? [goOn] : []), ...stages], {
    title: vscode.l10n.t('Sensitivity of the layers of {0}', session.state.fileName),
    placeHolder: vscode.l10n.t('How far to go: each stage includes the ones before it'),
    matchOnDetail: true,
  });
  return chosen?.stage;
}

/** Stages that estimate know decibels alone; the metric is run in any case. */
async function pickMeasure(
  session: ModelSession,
  stage: SensitivityStage,
): Promise<SensitivityMeasure | undefined> {
  const words = sensitivityMeasures();
  const known: readonly SensitivityMeasure[] =
    stage === 'exact' ? (Object.keys(words) as SensitivityMeasure[]) : ['sqnr', 'metric'];
  const chosen = await ask(
    known.map((measure) => ({ ...words[measure], measure })),
    {
      title: vscode.l10n.t('Sensitivity of the layers of {0}', session.state.fileName),
      placeHolder: vscode.l10n.t('What layers are compared by'),
      matchOnDetail: true,
    },
  );
  return chosen?.measure;
}
