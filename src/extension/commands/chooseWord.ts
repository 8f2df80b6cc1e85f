import * as vscode from 'vscode';
import { calibrationNeed } from '../../recipe/modes';
import { writeRecipe } from '../language/edit';
import { asNamedInRecipe } from '../session/lookup';
import { untrusted, type ModelSession } from '../session/session';
import { readRecipe } from '../sessions';
import { ask } from './ask';
import { chooseData } from './chooseData';
import type { Services } from './services';
import { targetOf } from './target';

interface WordItem extends vscode.QuickPickItem {
  word: string;
}

/** *Choose Mode…*: static, dynamic, weight-only …, each with what it means; answers the mode that was written. */
export async function chooseMode(
  services: Services,
  argument: unknown,
): Promise<string | undefined> {
  if (!vscode.workspace.isTrusted) throw untrusted();
  const session = await targetOf(argument, services.sessions, true);
  return session && pickMode(session);
}

/** *Choose Target…*: the machine that the model is written for. */
export async function chooseTarget(
  services: Services,
  argument: unknown,
): Promise<string | undefined> {
  if (!vscode.workspace.isTrusted) throw untrusted();
  const session = await targetOf(argument, services.sessions, true);
  if (!session) return undefined;
  const title = vscode.l10n.t('Target of {0}', session.state.fileName);
  const target = await pickWord(['target'], title, session.state.recipe.target);
  if (target === undefined) return undefined;
  const data = session.state.recipe.exists ? undefined : await chooseData(session);
  if (!session.state.recipe.exists && data === undefined) return undefined;
  await setWords(session, [[['target'], target]], data);
  return target;
}

/**
 * Asks for a mode and writes it into the recipe; where the mode reads ranges and the recipe names no data, asks for that
 * too. @param withoutData offers only modes that need none
 */
export async function pickMode(
  session: ModelSession,
  withoutData = false,
): Promise<string | undefined> {
  const { recipe, fileName } = session.state;
  const path = ['quantization', 'mode'];
  const title = vscode.l10n.t('How to quantize {0}', fileName);
  const fits = (mode: string) => !withoutData || calibrationNeed(mode) !== 'needed';
  const mode = await pickWord(path, title, recipe.exists ? recipe.mode : '', fits);
  if (mode === undefined) return undefined;
  const asks = calibrationNeed(mode) === 'needed' && recipe.calibrationSource === null;
  const data = asks ? await chooseData(session) : undefined;
  if (asks && data === undefined) return undefined;
  await setWords(session, [[path, mode]], data);
  return mode;
}

/** Asks for one of the words that the recipe language has at a path. */
async function pickWord(
  path: readonly string[],
  title: string,
  current: string,
  fits: (word: string) => boolean = () => true,
): Promise<string | undefined> {
  const { wordsAt } = await import('../../recipe/json-schema');
  const items = [...wordsAt(path)]
    .filter(([word]) => fits(word))
    .map(([word, meaning]): WordItem => {
      const iconPath = word === current ? new vscode.ThemeIcon('check') : undefined;
      return { word, label: word, detail: meaning, ...(iconPath ? { iconPath } : {}) };
    });
  const chosen = await ask(items, {
    title,
    placeHolder: vscode.l10n.t('It is written into the recipe'),
    matchOnDetail: true,
  });
  return chosen?.word;
}

/** Writes values into the recipe of a model; where there is none yet, writes one. */
export async function setWords(
  session: ModelSession,
  words: readonly (readonly [path: readonly string[], value: string])[],
  data: string | undefined,
): Promise<void> {
  const path = session.recipePath;
  const { text } = await readRecipe(path);
  const [{ applyEdits, setValue }, { newRecipe }] = await Promise.all([
    import('../../recipe/edit'),
    import('../../recipe/write'),
  ]);
  const model = asNamedInRecipe(path, session.modelPath);
  let next = text ?? newRecipe({ model, ...(data === undefined ? {} : { calibration: data }) });
  const values: (readonly [readonly string[], string])[] = [
    ...words,
    ...(data === undefined ? [] : [[['calibration', 'data'], data] as const]),
  ];
  for (const [at, value] of values) next = applyEdits(next, setValue(next, at, value));
  if (next !== text) await writeRecipe(path, next);
  if (text === null) await session.useRecipe(path);
  await session.recipeChanged();
}
