import * as vscode from 'vscode';
import type { InspectorProvider } from '../inspector/provider';
import { ids } from '../manifest/ids';
import type { Sessions } from '../sessions';
import { RecipeFixes } from './codeActions';
import { RecipeLenses } from './codeLens';
import { RecipeCompletions, RecipeHovers } from './completions';
import { RecipeDiagnostics } from './diagnostics';
import { recipeLinks } from './links';
import { followCursor } from './follow';

/** Everything that a recipe's editor knows. */
export function registerLanguage(
  sessions: Sessions,
  inspector: InspectorProvider,
): vscode.Disposable {
  const files: vscode.DocumentSelector = { language: ids.language, scheme: 'file' };
  const anywhere: vscode.DocumentSelector = { language: ids.language };
  const lenses = new RecipeLenses(sessions);
  const { languages } = vscode;
  return vscode.Disposable.from(
    new RecipeDiagnostics(sessions),
    lenses,
    languages.registerCodeLensProvider(files, lenses),
    languages.registerCodeActionsProvider(files, new RecipeFixes(sessions), {
      providedCodeActionKinds: RecipeFixes.kinds,
    }),
    languages.registerDocumentLinkProvider(files, recipeLinks),
    languages.registerCompletionItemProvider(
      anywhere,
      new RecipeCompletions(sessions),
      ...RecipeCompletions.triggers,
    ),
    languages.registerHoverProvider(anywhere, new RecipeHovers(sessions)),
    followCursor(sessions, inspector),
  );
}
