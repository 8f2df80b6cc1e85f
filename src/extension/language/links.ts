import * as vscode from 'vscode';
import { besideRecipe } from '../session/lookup';

/** Paths in a recipe lead to their files; globs and what is not there lead nowhere. */
export const recipeLinks: vscode.DocumentLinkProvider = {
  async provideDocumentLinks(document) {
    if (document.uri.scheme !== 'file') return [];
    const [{ parseRecipe }, { namedPaths }, { rangeOf }] = await Promise.all([
      import('../../recipe/parse'),
      import('../../recipe/lint'),
      import('../../recipe/positions'),
    ]);
    const parse = parseRecipe(document.getText(), document.uri.fsPath);
    const links = await Promise.all(
      namedPaths(parse).map(async ({ path, text }) => {
        const range = rangeOf(parse.doc, path, 'value');
        const target = vscode.Uri.file(besideRecipe(document.uri.fsPath, text));
        if (!range || !(await isFile(target))) return [];
        return [
          new vscode.DocumentLink(
            new vscode.Range(document.positionAt(range.start), document.positionAt(range.end)),
            target,
          ),
        ];
      }),
    );
    return links.flat();
  },
};

async function isFile(uri: vscode.Uri): Promise<boolean> {
  try {
    return (await vscode.workspace.fs.stat(uri)).type === vscode.FileType.File;
  } catch {
    return false;
  }
}
