import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as vscode from 'vscode';
import type { Listener } from '../jobs/client';
import type { Requests } from '../jobs/protocol';
import { readKept } from '../jobs/kept';
import { readResult } from '../jobs/store';
import type { Log } from './log';
import { setting } from './setting';
import type { ModelSummary, RunResult } from '../results';
import {
  besideRecipe,
  findRecipe,
  isModelPath,
  isRecipePath,
  modelNamedIn,
} from './session/lookup';
import type { RecipeText, SessionPorts } from './session/ports';
import { ModelSession } from './session/session';
import type { SessionState } from './session/state';
import { IdlingWorker } from './worker';

export interface SessionChange {
  session: ModelSession;
  patch: Partial<SessionState>;
}

export interface Known {
  session: ModelSession | null;
  summary: ModelSummary | null;
  result: RunResult | null;
}

/** The sessions of all models that were opened or run in this window, one a file, and what keeps them fresh. */
export class Sessions implements vscode.Disposable {
  private readonly sessions = new Map<string, ModelSession>();
  private readonly folders = new Map<string, vscode.Disposable>();
  private readonly workers: IdlingWorker[] = [];
  private readonly look: IdlingWorker;
  private readonly changed = new vscode.EventEmitter<SessionChange>();
  private readonly subscriptions: vscode.Disposable[];
  /** Fires when any part of any session changes. */
  readonly onDidChange = this.changed.event;

  /** @param workerPath absolute path of the bundled worker; nothing is started before it is needed */
  constructor(
    private readonly workerPath: string,
    private readonly log: Log,
  ) {
    this.look = this.worker();
    this.subscriptions = [
      vscode.workspace.onDidGrantWorkspaceTrust(() => {
        for (const session of this.sessions.values()) session.trust();
      }),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.recipeTouched(document)),
      vscode.workspace.onDidCloseTextDocument((document) => this.recipeTouched(document)),
    ];
  }

  /** A worker process of one's own; it ends with this registry, or when it idles. */
  worker(): IdlingWorker {
    const worker = new IdlingWorker(
      this.workerPath,
      () => setting('vernier.worker.idleMinutes') * 60_000,
    );
    this.workers.push(worker);
    return worker;
  }

  /** One request in a worker process of its own, which ends with it: a cancel ends nobody else's work. */
  async once<M extends keyof Requests>(
    method: M,
    params: Parameters<Requests[M]>[0],
    listener: Listener,
  ): Promise<ReturnType<Requests[M]>> {
    const worker = this.worker();
    try {
      return await worker.request(method, params, listener);
    } finally {
      worker.dispose();
      this.workers.splice(this.workers.indexOf(worker), 1);
    }
  }

  get inspector(): IdlingWorker {
    return this.look;
  }

  all(): ModelSession[] {
    return [...this.sessions.values()];
  }

  /** The session of a model, if it was opened before. */
  peek(modelPath: string): ModelSession | undefined {
    return this.sessions.get(modelPath);
  }

  /** The session of a model's file; a new one finds its recipe and its last result by itself. */
  get(modelPath: string): ModelSession {
    const known = this.sessions.get(modelPath);
    if (known) return known;
    const session = new ModelSession(modelPath, this.ports(), vscode.workspace.isTrusted);
    this.sessions.set(modelPath, session);
    session.onDidChange((patch) => this.changed.fire({ session, patch }));
    this.watch(dirname(modelPath));
    void session.open();
    return session;
  }

  /** The session of the model that a recipe names, showing that recipe; null if it names none. */
  async forRecipe(recipePath: string): Promise<ModelSession | null> {
    const { text } = await readRecipe(recipePath);
    const model = text === null ? null : modelNamedIn(text);
    if (!model) return null;
    const session = this.get(besideRecipe(recipePath, model));
    this.watch(dirname(recipePath));
    await session.useRecipe(recipePath);
    return session;
  }

  /**
   * What is known of a recipe without making its model show it: its own last result, and the layers of the
   * model that it names.
   */
  async known(recipePath: string): Promise<Known> {
    const { text } = await readRecipe(recipePath);
    const model = text === null ? null : modelNamedIn(text);
    if (!model) return { session: null, summary: null, result: null };
    const session = this.get(besideRecipe(recipePath, model));
    await session.open();
    const { summary, result } = session.state;
    if (session.recipePath === recipePath) return { session, summary, result };
    return { session, summary, result: await readResult(recipePath) };
  }

  /** The session that shows this recipe now, without opening one. */
  showing(recipePath: string): ModelSession | undefined {
    return this.all().find((session) => session.recipePath === recipePath);
  }

  dispose(): void {
    for (const session of this.sessions.values()) session.cancel();
    for (const worker of this.workers) worker.dispose();
    for (const watcher of this.folders.values()) watcher.dispose();
    for (const subscription of this.subscriptions) subscription.dispose();
    this.changed.dispose();
  }

  private ports(): SessionPorts {
    return {
      look: this.look,
      work: this.worker(),
      findRecipe: async (modelPath) => findRecipe(modelPath, await recipesBeside(modelPath)),
      readRecipe,
      readResult,
      readKept,
      describeRecipe: async (path, text, context) => {
        const { describeRecipe } = await import('./language/describe');
        return describeRecipe(vscode.workspace.asRelativePath(path), path, text, context);
      },
      log: (message) => this.log.warn(message),
    };
  }

  private recipeTouched(document: vscode.TextDocument): void {
    if (document.uri.scheme !== 'file' || !isRecipePath(document.uri.fsPath)) return;
    void this.showing(document.uri.fsPath)?.recipeChanged();
  }

  /** Follows models, recipes and stored results of a folder, whoever writes them. */
  private watch(folder: string): void {
    if (this.folders.has(folder)) return;
    const here = this.watcher(folder, '*.{onnx,quant.yaml,quant.yml}', (path) => {
      if (isModelPath(path)) {
        const session = this.peek(path);
        if (session?.state.summary ?? session?.state.failure) void session?.modelChanged();
        return;
      }
      for (const session of this.all())
        if (dirname(session.modelPath) === folder || dirname(session.recipePath) === folder)
          void session.refreshRecipe();
    });
    const stored = this.watcher(
      join(folder, '.vernier'),
      '*.{result,plans,gains,sensitivity}.json',
      () => {
        for (const session of this.all())
          if (dirname(session.recipePath) === folder) void session.resultChanged();
      },
    );
    this.folders.set(folder, vscode.Disposable.from(here, stored));
  }

  private watcher(
    folder: string,
    pattern: string,
    then: (path: string) => void,
  ): vscode.Disposable {
    const watcher = vscode.workspace.createFileSystemWatcher(
      new vscode.RelativePattern(vscode.Uri.file(folder), pattern),
    );
    // a file that is being written fires often; what counts is how it ends
    const waiting = new Map<string, NodeJS.Timeout>();
    const soon = (uri: vscode.Uri) => {
      clearTimeout(waiting.get(uri.fsPath));
      const timer = setTimeout(() => {
        waiting.delete(uri.fsPath);
        then(uri.fsPath);
      }, 250);
      waiting.set(uri.fsPath, timer);
    };
    watcher.onDidCreate(soon);
    watcher.onDidChange(soon);
    watcher.onDidDelete(soon);
    return watcher;
  }
}

/** The text of a recipe: an open editor's, saved or not, before the file's. */
export async function readRecipe(path: string): Promise<RecipeText> {
  const open = vscode.workspace.textDocuments.find(
    ({ uri, isClosed }) => !isClosed && uri.scheme === 'file' && uri.fsPath === path,
  );
  if (open) return { text: open.getText(), unsaved: open.isDirty };
  try {
    return { text: await readFile(path, 'utf8'), unsaved: false };
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return { text: null, unsaved: false };
    throw thrown;
  }
}

async function recipesBeside(modelPath: string) {
  const folder = dirname(modelPath);
  const names = (await readdir(folder)).filter(isRecipePath);
  return Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      const { text } = await readRecipe(path).catch(() => ({ text: null }));
      return { path, model: text === null ? null : modelNamedIn(text) };
    }),
  );
}
