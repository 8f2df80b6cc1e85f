import * as vscode from 'vscode';
import type { Completion } from '../../recipe/completions';
import type { NamedLayer } from '../../recipe/match';
import type { Sessions } from '../sessions';
import { rangeOf } from './edit';

const kinds: Record<Completion['kind'], vscode.CompletionItemKind> = {
  key: vscode.CompletionItemKind.Property,
  value: vscode.CompletionItemKind.EnumMember,
  layer: vscode.CompletionItemKind.Variable,
  operator: vscode.CompletionItemKind.Class,
};

/** Keys, words, layers and operators where they may stand; in notebook cells all but the layers. */
export class RecipeCompletions implements vscode.CompletionItemProvider {
  static readonly triggers = [':', ' ', '/', '-', '[', '{', ','];

  constructor(private readonly sessions: Sessions) {}

  async provideCompletionItems(
    document: vscode.TextDocument,
    position: vscode.Position,
  ): Promise<vscode.CompletionItem[]> {
    const [layers, { completeAt }] = await Promise.all([
      layersOf(document, this.sessions),
      import('../../recipe/completions'),
    ]);
    const found = completeAt(document.getText(), document.offsetAt(position), layers);
    return found.map((one, order) => {
      const item = new vscode.CompletionItem(one.label, kinds[one.kind]);
      item.insertText = one.insertText;
      item.detail = one.detail;
      item.range = rangeOf(document, one.range.start, one.range.end);
      // what is typed is compared with what stands in the range, quotes and slashes included
      item.filterText = one.insertText.trim();
      item.sortText = String(order).padStart(5, '0');
      return item;
    });
  }
}

/** What a key means, and which layers a pattern matches. */
export class RecipeHovers implements vscode.HoverProvider {
  constructor(private readonly sessions: Sessions) {}

  async provideHover(
    document: vscode.TextDocument,
    position: vscode.Position,
  ): Promise<vscode.Hover | undefined> {
    const [layers, { hoverAt }] = await Promise.all([
      layersOf(document, this.sessions),
      import('../../recipe/hover'),
    ]);
    const found = hoverAt(document.getText(), document.offsetAt(position), layers);
    if (!found) return undefined;
    return new vscode.Hover(
      new vscode.MarkdownString(found.contents),
      rangeOf(document, found.range.start, found.range.end),
    );
  }
}

async function layersOf(
  document: vscode.TextDocument,
  sessions: Sessions,
): Promise<readonly NamedLayer[]> {
  if (document.uri.scheme !== 'file') return [];
  const { summary, result } = await sessions.known(document.uri.fsPath);
  return summary?.layers ?? result?.layers ?? [];
}
