import * as vscode from 'vscode';
import type { Problem } from '../../recipe/problem';
import { diagnosticSource, ids } from '../manifest/ids';
import { isRecipePath } from '../session/lookup';
import { readRecipe, type Sessions } from '../sessions';
import { setting } from '../setting';

/** Typing is over when nothing was typed for this long. */
const typingMs = 200;

/**
 * What is wrong, doubtful or costly, on every recipe that is open or that a model of this window has: parse
 * errors, lint, and the layers that hurt according to the last result.
 */
export class RecipeDiagnostics implements vscode.Disposable {
  private readonly collection = vscode.languages.createDiagnosticCollection(diagnosticSource);
  private readonly waiting = new Map<string, NodeJS.Timeout>();
  private readonly turns = new Map<string, number>();
  private readonly subscriptions: vscode.Disposable[];

  constructor(private readonly sessions: Sessions) {
    this.subscriptions = [
      vscode.workspace.onDidOpenTextDocument((document) => this.touched(document, 0)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.touched(document, typingMs)),
      vscode.workspace.onDidCloseTextDocument((document) => this.touched(document, 0)),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration('vernier.diagnostics')) this.all();
      }),
      sessions.onDidChange(({ session, patch }) => {
        if ('result' in patch || 'summary' in patch || 'recipe' in patch)
          this.soon(session.recipePath, 0);
      }),
    ];
    this.all();
  }

  dispose(): void {
    for (const timer of this.waiting.values()) clearTimeout(timer);
    for (const subscription of this.subscriptions) subscription.dispose();
    this.collection.dispose();
  }

  private all(): void {
    for (const document of vscode.workspace.textDocuments) this.touched(document, 0);
  }

  private touched(document: vscode.TextDocument, wait: number): void {
    if (document.languageId !== ids.language || !isRecipeUri(document.uri)) return;
    this.soon(document.uri.fsPath, wait);
  }

  private soon(path: string, wait: number): void {
    clearTimeout(this.waiting.get(path));
    this.waiting.set(
      path,
      setTimeout(() => {
        this.waiting.delete(path);
        void this.check(path);
      }, wait),
    );
  }

  private async check(path: string): Promise<void> {
    const turn = (this.turns.get(path) ?? 0) + 1;
    this.turns.set(path, turn);
    const uri = vscode.Uri.file(path);
    const { text } = await readRecipe(path);
    if (text === null) {
      this.collection.delete(uri);
      return;
    }
    const { session, summary, result } = await this.sessions.known(path);
    const hurts = setting('vernier.diagnostics.layersThatHurt', uri);
    const { checkRecipe } = await import('./checks');
    const { parse, problems } = await checkRecipe(path, text, { summary, result, hurts });
    if (this.turns.get(path) !== turn) return;
    const place = (offset: number) => {
      const { line, col } = parse.doc.lines.linePos(offset);
      return new vscode.Position(Math.max(0, line - 1), Math.max(0, col - 1));
    };
    this.collection.set(
      uri,
      problems.map((problem) => asDiagnostic(problem, place)),
    );
    // names of layers can only be checked against the model, which is read when somebody looks at the recipe
    const missing = problems.some((one) => one.code === 'not-found' && one.path?.[0] === 'model');
    if (session && !summary && !session.state.failure && !missing) void session.ensureSummary();
  }
}

/** A recipe's problem as the editor shows it. */
function asDiagnostic(
  problem: Problem,
  place: (offset: number) => vscode.Position,
): vscode.Diagnostic {
  const { range, message, remedy, severity, code } = problem;
  const diagnostic = new vscode.Diagnostic(
    new vscode.Range(place(range.start), place(Math.max(range.end, range.start + 1))),
    remedy ? `${message} ${remedy}` : message,
    {
      error: vscode.DiagnosticSeverity.Error,
      warning: vscode.DiagnosticSeverity.Warning,
      info: vscode.DiagnosticSeverity.Information,
    }[severity],
  );
  diagnostic.source = diagnosticSource;
  diagnostic.code = code;
  if (code === 'no-effect') diagnostic.tags = [vscode.DiagnosticTag.Unnecessary];
  return diagnostic;
}

function isRecipeUri({ scheme, fsPath }: vscode.Uri): boolean {
  return scheme === 'file' && isRecipePath(fsPath);
}
