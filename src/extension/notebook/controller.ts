import { join, parse } from 'node:path';
import * as vscode from 'vscode';
import { toErrorData, VernierError } from '../../errors';
import type { RunRequest } from '../../jobs/protocol';
import type { ModelSummary, Progress, RunResult } from '../../results';
import type { Log } from '../log';
import { ids } from '../manifest/ids';
import { besideRecipe, modelNamedIn } from '../session/lookup';
import type { JobRunner } from '../session/ports';
import { untrusted } from '../session/session';
import type { Sessions } from '../sessions';
import { progressText } from '../status/progressText';
import { figuresFor } from './figures';
import { errorOutput, figureOutput, progressOutput } from './outputs';
import { afterRun, fragmentsFor, planCell, type CellRun } from './plan';

/** One notebook's kernel: the cells that ran, a worker of its own, and one cell at a time. */
interface Kernel {
  ran: CellRun[];
  worker: JobRunner & vscode.Disposable;
  queue: Promise<void>;
  abort: AbortController;
}

/** The Vernier kernel of ordinary `.ipynb` files: each cell is a fragment of a recipe, and fragments add up. */
export class NotebookKernels implements vscode.Disposable {
  private readonly controller: vscode.NotebookController;
  private readonly kernels = new Map<vscode.NotebookDocument, Kernel>();
  private readonly subscriptions: vscode.Disposable[];
  private order = 0;

  constructor(
    private readonly sessions: Sessions,
    private readonly log: Log,
  ) {
    this.controller = vscode.notebooks.createNotebookController(
      ids.kernel,
      ids.notebookType,
      'Vernier',
      (cells, notebook) => this.execute(cells, notebook),
    );
    this.controller.supportedLanguages = [ids.language, 'yaml'];
    this.controller.supportsExecutionOrder = true;
    this.controller.description = vscode.l10n.t('Quantization recipes, cell by cell');
    this.controller.interruptHandler = (notebook) => this.interrupt(notebook);
    this.subscriptions = [
      vscode.workspace.onDidOpenNotebookDocument((notebook) => this.prefer(notebook)),
      vscode.workspace.onDidCloseNotebookDocument((notebook) => this.close(notebook)),
    ];
    for (const notebook of vscode.workspace.notebookDocuments) this.prefer(notebook);
  }

  dispose(): void {
    for (const notebook of [...this.kernels.keys()]) this.close(notebook);
    for (const subscription of this.subscriptions) subscription.dispose();
    this.controller.dispose();
  }

  /** A notebook that says it was written for Vernier gets this kernel without a question. */
  private prefer(notebook: vscode.NotebookDocument): void {
    if (notebook.notebookType !== ids.notebookType || !saysVernier(notebook)) return;
    this.controller.updateNotebookAffinity(notebook, vscode.NotebookControllerAffinity.Preferred);
  }

  private async execute(
    cells: vscode.NotebookCell[],
    notebook: vscode.NotebookDocument,
  ): Promise<void> {
    const kernel = this.kernel(notebook);
    const { signal } = kernel.abort;
    let failed = false;
    for (const cell of cells) {
      const execution = this.controller.createNotebookCellExecution(cell);
      const turn = kernel.queue.then(async () => {
        if (signal.aborted || failed) {
          // a cell that was only queued has nothing to show; starting it is the one way to end it
          execution.start();
          execution.end(undefined);
          return;
        }
        failed = !(await this.runCell(execution, kernel, signal));
      });
      kernel.queue = turn.catch(() => undefined);
    }
    await kernel.queue;
  }

  private async runCell(
    execution: vscode.NotebookCellExecution,
    kernel: Kernel,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { cell } = execution;
    execution.executionOrder = ++this.order;
    execution.start(Date.now());
    const self = asRun(cell);
    const fragments = fragmentsFor(kernel.ran, cellsAbove(cell), self);
    try {
      await execution.clearOutput();
      const figures = await this.evaluate(execution, kernel, fragments, signal);
      await execution.replaceOutput(figures.map(figureOutput));
      kernel.ran = afterRun(kernel.ran, self);
      execution.end(true, Date.now());
      return true;
    } catch (thrown) {
      const error = toErrorData(thrown);
      this.log.warn(`${cell.notebook.uri.path}: ${error.code}: ${error.message}`);
      await execution.replaceOutput([errorOutput(error)]);
      execution.end(false, Date.now());
      return false;
    }
  }

  private async evaluate(
    execution: vscode.NotebookCellExecution,
    kernel: Kernel,
    fragments: string[],
    signal: AbortSignal,
  ) {
    const plan = planCell(execution.cell.document.getText());
    if (!fragments.length || (plan.until === null && !plan.show.length)) return [];
    if (plan.until !== null && !vscode.workspace.isTrusted) throw untrusted();
    const recipePath = recipePathOf(execution.cell.notebook);
    const { combineFragments } = await import('../language/combine');
    const text = combineFragments(fragments, execution.cell.notebook.uri.fsPath);
    const model = modelNamedIn(text);
    if (!model)
      throw new VernierError('recipe.schema', 'No cell that has run names a model.', {
        remedy: 'Run a cell with a line such as `model: model.onnx` first.',
      });
    const listener = { signal, onProgress: progressTo(execution) };
    const summary: ModelSummary | null = plan.show.includes('layers')
      ? await this.sessions.inspector.request('inspect', { model: besideRecipe(recipePath, model) })
      : null;
    const request: RunRequest = { recipePath, text, until: plan.until ?? undefined };
    const result: RunResult | null =
      plan.until === null ? null : await kernel.worker.request('run', request, listener);
    return figuresFor(plan.show, summary, result);
  }

  private interrupt(notebook: vscode.NotebookDocument): void {
    const kernel = this.kernels.get(notebook);
    if (!kernel) return;
    kernel.abort.abort();
    kernel.abort = new AbortController();
  }

  private kernel(notebook: vscode.NotebookDocument): Kernel {
    const known = this.kernels.get(notebook);
    if (known) return known;
    const kernel: Kernel = {
      ran: [],
      worker: this.sessions.worker(),
      queue: Promise.resolve(),
      abort: new AbortController(),
    };
    this.kernels.set(notebook, kernel);
    return kernel;
  }

  private close(notebook: vscode.NotebookDocument): void {
    const kernel = this.kernels.get(notebook);
    this.kernels.delete(notebook);
    kernel?.abort.abort();
    kernel?.worker.dispose();
  }
}

/** The recipe that a notebook amounts to; its results are kept as if it stood beside the notebook. */
function recipePathOf(notebook: vscode.NotebookDocument): string {
  if (notebook.uri.scheme !== 'file')
    throw new VernierError('recipe.not-found', 'This notebook has no place on disk yet.', {
      remedy: 'Save it beside the model first.',
    });
  const { dir, name } = parse(notebook.uri.fsPath);
  return join(dir, `${name}.quant.yaml`);
}

function cellsAbove(cell: vscode.NotebookCell): CellRun[] {
  return cell.notebook
    .getCells(new vscode.NotebookRange(0, cell.index))
    .filter(({ kind }) => kind === vscode.NotebookCellKind.Code)
    .map(asRun);
}

function asRun(cell: vscode.NotebookCell): CellRun {
  return { id: cell.document.uri.toString(), text: cell.document.getText() };
}

function saysVernier({ metadata }: vscode.NotebookDocument): boolean {
  // the built-in serializer keeps the file's metadata in `metadata.metadata`, older ones in `metadata.custom`
  const outer = metadata as { metadata?: unknown; custom?: { metadata?: unknown } };
  const inner = (outer.metadata ?? outer.custom?.metadata) as
    { kernelspec?: { name?: string } } | undefined;
  return inner?.kernelspec?.name === 'vernier';
}

function progressTo(execution: vscode.NotebookCellExecution): (progress: Progress) => void {
  let last = 0;
  return (progress) => {
    const now = Date.now();
    if (now - last < 250) return;
    last = now;
    void execution.replaceOutput([progressOutput(progressText(progress))]);
  };
}
