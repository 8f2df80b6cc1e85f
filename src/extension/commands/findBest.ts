import * as vscode from 'vscode';
import { searchSentence, searchText } from '../../report/search';
import type { SearchResult } from '../../results';
import { writeRecipe } from '../language/edit';
import { asNamedInRecipe } from '../session/lookup';
import { untrusted, type ModelSession } from '../session/session';
import { readRecipe } from '../sessions';
import { refuseBeside } from './aloneHere';
import { ask } from './ask';
import { chooseData } from './chooseData';
import { searchRows, type SearchRow } from './searchRows';
import type { Services } from './services';
import { targetOf } from './target';
import { underNotification } from './underNotification';

/** What a caller may say instead of being asked. */
export interface FindBestOptions {
  minutes?: number;
  /** Name of the try to take; `null` takes none. */
  take?: string | null;
}

/** Times that are offered, in minutes. */
const MINUTES = [1, 2, 5, 15, 60];

/**
 * *Find the Best Quantization…*: searches under a notification with Cancel, shows what was tried, and writes what is picked
 * into the recipe. Cancelled, it goes on where it was the next time. Answers what was found.
 */
export async function findBest(
  services: Services,
  argument: unknown,
  options: FindBestOptions = {},
): Promise<SearchResult | undefined> {
  if (!vscode.workspace.isTrusted) throw untrusted();
  const session = await targetOf(argument, services.sessions, true);
  if (!session) return undefined;
  refuseBeside(services.sessions, 'search');
  const text = await recipeText(session);
  if (text === undefined) return undefined;
  const minutes = options.minutes ?? (await pickMinutes());
  if (minutes === undefined) return undefined;
  const result = await underNotification(
    services.sessions,
    vscode.l10n.t('Searching for the best quantization of {0}', session.state.fileName),
    'search',
    { recipePath: session.recipePath, text, budgetSeconds: minutes * 60 },
  );
  if (!result) return undefined;
  services.log.info(`${session.state.fileName}:\n${searchText(result)}`);
  const rows = searchRows(result);
  const picked =
    options.take === undefined
      ? await pick(session, result, rows)
      : rows.find(({ candidate }) => candidate?.name === options.take);
  if (picked?.candidate) await take(session, text, picked.candidate);
  else if (picked)
    void vscode.window.showInformationMessage(
      vscode.l10n.t('{0} stays as it is; the recipe is not changed.', session.state.fileName),
    );
  return result;
}

/** The recipe to search for; where there is none, one with data that is asked for. Undefined where nobody would say. */
async function recipeText(session: ModelSession): Promise<string | undefined> {
  const { text } = await readRecipe(session.recipePath);
  if (text !== null) return text;
  const data = await chooseData(session);
  if (data === undefined) return undefined;
  const [{ applyEdits, setValue }, { newRecipe }] = await Promise.all([
    import('../../recipe/edit'),
    import('../../recipe/write'),
  ]);
  const model = asNamedInRecipe(session.recipePath, session.modelPath);
  const fresh = newRecipe({ model, calibration: data });
  return applyEdits(fresh, setValue(fresh, ['quantization'], 'auto'));
}

async function pickMinutes(): Promise<number | undefined> {
  const items = MINUTES.map((minutes) => ({
    label: vscode.l10n.t('{0} min', minutes),
    minutes,
  }));
  const chosen = await ask(items, {
    title: vscode.l10n.t('How long may it search?'),
    placeHolder: vscode.l10n.t('What was tried is kept: more time goes on from there'),
  });
  return chosen?.minutes;
}

async function pick(
  session: ModelSession,
  result: SearchResult,
  rows: readonly SearchRow[],
): Promise<SearchRow | undefined> {
  const items = rows.map((row) => ({
    label: row.label,
    description: row.figures,
    ...(row.detail ? { detail: row.detail } : {}),
    iconPath: new vscode.ThemeIcon(row.wins ? 'star-full' : 'blank'),
    row,
  }));
  const chosen = await ask(items, {
    title: vscode.l10n.t('Quantizations of {0}, measured here', session.state.fileName),
    placeHolder: `${vscode.l10n.t('What you pick is written into the recipe')}. ${searchSentence(result)}`,
  });
  return chosen?.row;
}

/** Writes a candidate into the recipe as it is now, which may have been edited meanwhile. */
async function take(
  session: ModelSession,
  searched: string,
  candidate: NonNullable<SearchRow['candidate']>,
): Promise<void> {
  const { candidateText } = await import('../../jobs/search/recipe-text');
  const path = session.recipePath;
  const { text } = await readRecipe(path);
  await writeRecipe(path, candidateText(text ?? searched, candidate));
  if (text === null) await session.useRecipe(path);
  await session.recipeChanged();
}
