import * as vscode from 'vscode';
import { VernierError } from '../../errors';
import { choiceSentence, choiceText } from '../../report/choice';
import type { Mode, ModeChoice } from '../../results';
import { asNamedInRecipe } from '../session/lookup';
import { untrusted, type ModelSession } from '../session/session';
import { readRecipe } from '../sessions';
import { refuseBeside } from './aloneHere';
import { ask } from './ask';
import { chooseData } from './chooseData';
import { choiceRows, type ChoiceRow } from './choiceRows';
import { setWords } from './chooseWord';
import type { Services } from './services';
import { targetOf } from './target';
import { underNotification } from './underNotification';

/**
 * *Choose Mode by Measuring…*: writes the model in every mode, times each against FP32 on this machine, shows what was
 * found, and writes the mode that is picked into the recipe. Answers that mode.
 */
export async function measureModes(
  services: Services,
  argument: unknown,
): Promise<Mode | undefined> {
  if (!vscode.workspace.isTrusted) throw untrusted();
  const session = await targetOf(argument, services.sessions, true);
  if (!session) return undefined;
  refuseBeside(services.sessions, 'measure');
  const { text } = await readRecipe(session.recipePath);
  const data = text === null ? await chooseData(session) : undefined;
  if (text === null && data === undefined) return undefined;
  const choice = await underNotification(
    services.sessions,
    vscode.l10n.t('Measuring modes of {0}', session.state.fileName),
    'choose',
    { recipePath: session.recipePath, text: text ?? (await recipeFor(session, data ?? '')) },
  );
  if (!choice) return undefined;
  services.log.info(`${session.state.fileName}:\n${choiceText(choice)}`);
  const picked = await pick(session, choice);
  if (!picked) return undefined;
  if (picked.failure)
    throw new VernierError('model.nothing-to-quantize', picked.failure.message, {
      file: session.modelPath,
      remedy: 'Pick a mode that could be written.',
    });
  if (picked.mode === 'float32') {
    void vscode.window.showInformationMessage(
      vscode.l10n.t('{0} stays as it is; the recipe is not changed.', session.state.fileName),
    );
    return picked.mode;
  }
  await setWords(session, [[['quantization', 'mode'], picked.mode]], data);
  return picked.mode;
}

/** A recipe that is not written yet, so that there is something to measure. */
async function recipeFor(session: ModelSession, calibration: string): Promise<string> {
  const { newRecipe } = await import('../../recipe/write');
  return newRecipe({ model: asNamedInRecipe(session.recipePath, session.modelPath), calibration });
}

async function pick(session: ModelSession, choice: ModeChoice): Promise<ChoiceRow | undefined> {
  const items = choiceRows(choice).map((row) => ({
    label: row.label,
    description: row.figures,
    ...(row.detail ? { detail: row.detail } : {}),
    iconPath: new vscode.ThemeIcon(row.wins ? 'star-full' : row.failure ? 'error' : 'blank'),
    row,
  }));
  const chosen = await ask(items, {
    title: vscode.l10n.t('Modes of {0}, measured here', session.state.fileName),
    placeHolder: choiceSentence(choice),
  });
  return chosen?.row;
}
