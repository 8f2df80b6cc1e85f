import { basename } from 'node:path';
import { toErrorData, VernierError, type ErrorData } from '../../errors';
import type { Listener } from '../../jobs/client';
import type { RecipeRequest, RunUntil, SensitivityRequest } from '../../jobs/protocol';
import type { FoundWhen } from '../../protocol';
import type { FusionMeasurement, RangeDetail, RunResult, WeightDetail } from '../../results';
import type { MixedPrecision } from '../../results-mixed';
import type { SensitivityReport } from '../../results-sensitivity';
import { defaultRecipePath } from './lookup';
import type { SessionPorts } from './ports';
import { initialState, reduce, type SessionEvent, type SessionState } from './state';

export interface RunWish {
  title: string;
  until: RunUntil;
  /** The recipe's text, where it is ahead of what editor and file say (an edit that is being applied). */
  text?: string;
}

/** How the sensitivity of layers is to be measured; the worker's defaults where it does not say. */
export type SensitivityWish = Omit<SensitivityRequest, keyof RecipeRequest>;

export type SessionListener = (patch: Partial<SessionState>, session: ModelSession) => void;

/**
 * All that is known of one model, shared by every view of it: what the file says, its recipe, the last
 * result, the job that runs and the last failure. It outlives its views, so that a job goes on when a tab
 * is closed and its result is there when the tab is opened again.
 */
export class ModelSession {
  private current: SessionState;
  private readonly listeners = new Set<SessionListener>();
  private recipe: string | null = null;
  /** The recipe was chosen, not found: it stays while its file does. */
  private chosen = false;
  private run: { id: number; abort: AbortController; finished: Promise<void> } | null = null;
  private nextRun = 1;
  private ranText: string | null = null;
  /** Text of the recipe behind the plans that are shown. */
  private plannedText: string | null = null;
  /** And behind the sensitivity of layers. */
  private measuredText: string | null = null;
  private opened: Promise<void> | null = null;
  private reading = 0;
  private describing = 0;

  /** @param modelPath absolute path of the `.onnx` file */
  constructor(
    readonly modelPath: string,
    private readonly ports: SessionPorts,
    trusted: boolean,
  ) {
    this.current = initialState(basename(modelPath), trusted);
  }

  get state(): SessionState {
    return this.current;
  }

  /** Absolute path of the recipe that is, or would be, this model's. */
  get recipePath(): string {
    return this.recipe ?? defaultRecipePath(this.modelPath);
  }

  get running(): boolean {
    return this.run !== null;
  }

  /** Hears every change; returns what stops it. */
  onDidChange(listener: SessionListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Finds the recipe and the last result; once, however often it is called. Never throws. */
  open(): Promise<void> {
    this.opened ??= this.refreshRecipe().catch((thrown: unknown) => this.fail(thrown));
    return this.opened;
  }

  /** Reads what the file says, if that is not known yet. Never throws: a failure is part of the state. */
  async ensureSummary(): Promise<void> {
    if (!this.current.summary) await this.modelChanged();
  }

  /** Reads the model's file (again). */
  async modelChanged(): Promise<void> {
    const reading = ++this.reading;
    try {
      const summary = await this.ports.look.request('inspect', {
        model: this.modelPath,
        runtime: this.current.trusted,
      });
      if (reading !== this.reading) return;
      this.apply({ type: 'summary', summary });
      await this.keptChanged();
      await this.recipeChanged();
    } catch (thrown) {
      if (reading === this.reading) this.fail(thrown);
    }
  }

  /** Takes this recipe instead of the one that was found: a run of `fast.quant.yaml` shows in its model. */
  async useRecipe(path: string): Promise<void> {
    await this.open();
    this.chosen = true;
    if (this.recipe === path) return;
    this.follow(path);
    await this.resultChanged();
  }

  /** Looks for the recipe and its result again: the files of the folder have changed. */
  async refreshRecipe(): Promise<void> {
    if (this.chosen && this.recipe)
      this.chosen = (await this.ports.readRecipe(this.recipe)).text !== null;
    const found = this.chosen ? this.recipe : await this.ports.findRecipe(this.modelPath);
    if (found !== this.recipe) this.follow(found);
    await this.resultChanged();
  }

  /** Forgets what was known of the recipe before. */
  private follow(recipe: string | null): void {
    this.recipe = recipe;
    this.ranText = null;
    this.plannedText = null;
    this.measuredText = null;
    this.apply({ type: 'otherRecipe' });
  }

  /** Reads the stored result again, unless a job is about to write it. */
  async resultChanged(): Promise<void> {
    if (!this.run) {
      const result = this.recipe ? await this.ports.readResult(this.recipe) : null;
      const same =
        result?.key === this.current.result?.key &&
        result?.finishedAt === this.current.result?.finishedAt;
      if (!same) this.apply({ type: 'restored', result });
    }
    await this.keptChanged();
    await this.recipeChanged();
  }

  /** Reads again what is kept beside the recipe: plans, what fusing gains, the sensitivity of layers. */
  async keptChanged(): Promise<void> {
    if (this.run) return;
    const path = this.recipePath;
    const [plans, gains, measured] = await Promise.all([
      this.ports.readKept(path, 'plans'),
      this.ports.readKept(path, 'gains'),
      this.ports.readKept(path, 'sensitivity'),
    ]);
    if (path !== this.recipePath) return;
    const when = ({ finishedAt, modelChanged }: FoundWhen) => ({ finishedAt, modelChanged });
    if (plans) {
      this.plannedText = plans.recipe;
      this.apply({ type: 'keptPlans', mixed: plans.value, when: when(plans) });
    }
    if (gains) this.apply({ type: 'keptGains', gains: gains.value, when: when(gains) });
    if (measured) {
      this.measuredText = measured.recipe;
      this.apply({ type: 'keptSensitivity', report: measured.value, when: when(measured) });
    }
  }

  /** The text of the recipe has changed, in the editor or on disk. */
  async recipeChanged(): Promise<void> {
    const describing = ++this.describing;
    const path = this.recipePath;
    const { text } = await this.ports.readRecipe(path);
    const { summary, result, mixed } = this.current;
    const choices = mixed?.plans.flatMap((plan) => plan.choices) ?? [];
    const recipe = await this.ports.describeRecipe(path, text, {
      summary,
      result,
      ranText: this.ranText,
      planned: mixed && this.plannedText !== null ? { text: this.plannedText, choices } : null,
      measuredText: this.measuredText,
    });
    if (describing === this.describing) this.apply({ type: 'recipe', recipe });
  }

  /**
   * Runs the recipe; a job that is running is ended first. Resolves to the result, or to null when the job
   * failed or was replaced: what went wrong is part of the state.
   */
  start({ title, until, text: given }: RunWish): Promise<RunResult | null> {
    return this.job(title, given, async (id, { recipePath, text, ran }, listener) => {
      this.ranText = ran;
      const result = await this.ports.work.request(
        'run',
        { recipePath, text, until },
        {
          ...listener,
          onPartial: (partial) => this.apply({ type: 'partial', run: id, result: partial }),
        },
      );
      this.finishRun(id, { type: 'done', run: id, result });
      return result;
    });
  }

  /** Looks for plans of mixed precision, as {@link start} runs the recipe; what was found is part of the state. */
  plan(title: string): Promise<MixedPrecision | null> {
    return this.job(title, undefined, async (id, { recipePath, text, ran }, listener) => {
      const mixed = await this.ports.work.request('plan', { recipePath, text }, listener);
      this.plannedText = ran;
      this.finishRun(id, { type: 'planned', run: id, mixed, at: new Date().toISOString() });
      return mixed;
    });
  }

  /** Measures what quantizing each layer does to the outputs; what was found is part of the state. */
  measureSensitivity(title: string, wish: SensitivityWish): Promise<SensitivityReport | null> {
    return this.job(title, undefined, async (id, { recipePath, text, ran }, listener) => {
      const request = { ...wish, recipePath, ...(text === undefined ? {} : { text }) };
      const report = await this.ports.work.request('sensitivity', request, listener);
      this.measuredText = ran;
      this.finishRun(id, { type: 'measured', run: id, report, at: new Date().toISOString() });
      return report;
    });
  }

  /** Times what fusing gains in a file: the written model, or the model itself; what was found is part of the state. */
  measureFusions(title: string): Promise<FusionMeasurement | null> {
    return this.job(title, undefined, async (id, { recipePath, text, ran }, listener) => {
      const model = this.current.result?.output ?? this.modelPath;
      const measure = {
        kept: recipePath,
        ...(ran === null ? {} : { recipe: { recipePath, text } }),
      };
      const { measured } = await this.ports.work.request('fusions', { model, measure }, listener);
      if (!measured) return null;
      this.finishRun(id, {
        type: 'gained',
        run: id,
        gains: measured,
        at: new Date().toISOString(),
      });
      return measured;
    });
  }

  private async job<T>(
    title: string,
    given: string | undefined,
    work: (
      id: number,
      recipe: { recipePath: string; text: string | undefined; ran: string | null },
      listener: Listener,
    ) => Promise<T>,
  ): Promise<T | null> {
    if (!this.current.trusted) {
      this.fail(untrusted());
      return null;
    }
    this.stop();
    const id = this.nextRun++;
    const abort = new AbortController();
    let finish = () => {};
    this.run = { id, abort, finished: new Promise<void>((resolve) => (finish = resolve)) };
    this.apply({ type: 'started', run: id, title });
    try {
      const recipePath = this.recipePath;
      const editor = await this.ports.readRecipe(recipePath);
      const text = given ?? (editor.unsaved ? (editor.text ?? undefined) : undefined);
      if (!this.isCurrent(id)) return null;
      const value = await work(
        id,
        { recipePath, text, ran: text ?? editor.text },
        {
          signal: abort.signal,
          onProgress: (progress) => this.apply({ type: 'progress', run: id, progress }),
        },
      );
      await this.recipeChanged();
      return value;
    } catch (thrown) {
      this.finishRun(id, { type: 'failed', run: id, error: this.logged(thrown) });
      return null;
    } finally {
      finish();
    }
  }

  /** Ends the running job, if there is one. What it had found by then stays on view, marked as incomplete. */
  cancel(): void {
    this.stop();
    if (this.current.job) {
      this.current = { ...this.current, job: null };
      this.emit({ job: null });
    }
  }

  /** Resolves when no job runs. */
  async idle(): Promise<void> {
    while (this.run) await this.run.finished;
  }

  /** Statistics of one tensor, from the last calibration. */
  async range(tensor: string): Promise<RangeDetail> {
    const recipePath = this.recipePath;
    const { text } = await this.ports.readRecipe(recipePath);
    return this.ports.look.request('range', { recipePath, text: text ?? undefined, tensor });
  }

  /** Weights of one layer. */
  weights(layer: string): Promise<WeightDetail> {
    return this.ports.look.request('weights', { model: this.modelPath, layer });
  }

  trust(): void {
    this.apply({ type: 'trusted' });
  }

  /** Shows a failure where the result would have stood. */
  fail(thrown: unknown): void {
    this.apply({ type: 'failed', error: this.logged(thrown) });
  }

  private isCurrent(id: number): boolean {
    return this.run?.id === id;
  }

  private stop(): void {
    const run = this.run;
    this.run = null;
    run?.abort.abort();
  }

  private finishRun(id: number, event: SessionEvent): void {
    const running = this.run?.id ?? null;
    if (running === id) this.run = null;
    this.apply(event, running);
  }

  private apply(event: SessionEvent, running = this.run?.id ?? null): void {
    const patch = reduce(this.current, event, running);
    if (!patch) return;
    this.current = { ...this.current, ...patch };
    this.emit(patch);
  }

  private emit(patch: Partial<SessionState>): void {
    for (const listener of [...this.listeners]) listener(patch, this);
  }

  private logged(thrown: unknown): ErrorData {
    const error = toErrorData(thrown);
    if (error.code !== 'job.cancelled') {
      const stack = error.code === 'internal' && thrown instanceof Error ? `\n${thrown.stack}` : '';
      this.ports.log(`${this.current.fileName}: ${error.code}: ${error.message}${stack}`);
    }
    return error;
  }
}

/** Why nothing runs in a workspace that is not trusted. */
export function untrusted(): VernierError {
  return new VernierError(
    'job.untrusted',
    'This workspace is not trusted, so nothing is run in it.',
    {
      remedy: 'Trust the workspace to calibrate and quantize its models.',
    },
  );
}
