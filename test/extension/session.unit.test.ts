import { describe, expect, it } from 'vitest';
import { VernierError } from '../../src/errors';
import { noRecipe } from '../../src/extension/session/state';
import type { SessionPorts } from '../../src/extension/session/ports';
import { ModelSession } from '../../src/extension/session/session';
import type { Listener } from '../../src/jobs/client';
import type { ModelSummary, Progress, RunResult } from '../../src/results';

interface Call {
  method: string;
  params: unknown;
  listener: Listener;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

const summary = { file: 'net.onnx', layers: [] } as unknown as ModelSummary;
const result = (key: string, complete = true, sqnrDb = {}) =>
  ({ key, finishedAt: key, complete, layers: [], sqnrDb }) as unknown as RunResult;
const progress = { stage: 'calibrate', done: 1, total: 2 } as unknown as Progress;
/** Lets everything that is ready run. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

function setUp(options: { trusted?: boolean; recipe?: string | null } = {}) {
  const looks: Call[] = [];
  const runs: Call[] = [];
  const stored = new Map<string, RunResult>();
  const kept: { plans?: unknown; gains?: unknown; sensitivity?: unknown } = {};
  const recipe = { path: '/m/net.quant.yaml', text: 'model: net.onnx', unsaved: false };
  const found = { path: options.recipe === undefined ? recipe.path : options.recipe };
  const runner = (calls: Call[]) => ({
    request: (method: string, params: unknown, listener: Listener = {}) =>
      new Promise<never>((resolve, reject) => {
        calls.push({ method, params, listener, resolve: resolve, reject });
        listener.signal?.addEventListener('abort', () =>
          reject(new VernierError('job.cancelled', 'Cancelled.')),
        );
      }),
  });
  const ports: SessionPorts = {
    look: runner(looks),
    work: runner(runs),
    findRecipe: async () => found.path,
    readRecipe: async () => ({ text: recipe.text, unsaved: recipe.unsaved }),
    readResult: async (path) => stored.get(path) ?? null,
    readKept: async (_, what) => (kept[what] as never) ?? null,
    describeRecipe: async (path, text, { ranText, planned, measuredText }) => ({
      ...noRecipe,
      path,
      exists: text !== null,
      dirtySinceResult: ranText !== null && ranText !== text,
      dirtySincePlans: planned != null && planned.text !== text,
      dirtySinceSensitivity: measuredText != null && measuredText !== text,
    }),
    log: () => undefined,
  };
  const session = new ModelSession('/m/net.onnx', ports, options.trusted ?? true);
  return { session, looks, runs, stored, kept, recipe, found };
}

const run = { title: 'Quantize', until: 'all' } as const;

describe('opening', () => {
  it('brings the last result back', async () => {
    const { session, stored } = setUp();
    stored.set('/m/net.quant.yaml', result('one'));
    await session.open();
    expect(session.state.result?.key).toBe('one');
    expect(session.state.recipe.exists).toBe(true);
  });

  it('reads the file once, however many views ask', async () => {
    const { session, looks } = setUp();
    void session.ensureSummary();
    looks[0]?.resolve(summary);
    await settle();
    await session.ensureSummary();
    expect(looks).toHaveLength(1);
    expect(session.state.summary).toBe(summary);
  });

  it('keeps a failure in the state and tries again', async () => {
    const { session, looks } = setUp();
    void session.ensureSummary();
    looks[0]?.reject(new VernierError('model.truncated', 'It ends early.'));
    await settle();
    expect(session.state.failure?.code).toBe('model.truncated');
    void session.modelChanged();
    looks[1]?.resolve(summary);
    await settle();
    expect(session.state).toMatchObject({ failure: null, summary });
  });

  it('has a recipe path before there is a recipe', async () => {
    const { session } = setUp({ recipe: null });
    await session.open();
    expect(session.recipePath).toBe('/m/net.quant.yaml');
  });
});

describe('what is kept beside the recipe', () => {
  const mixed = { plans: [{ choices: [], latency: null }], recommended: 0 };
  const plans = {
    value: mixed,
    recipe: 'model: net.onnx',
    finishedAt: '2026-01-01T00:00:00.000Z',
    modelChanged: false,
  };

  it('comes back when the model is opened, with its date and what has changed since', async () => {
    const { session, kept, recipe } = setUp();
    kept.plans = plans;
    await session.open();
    expect(session.state).toMatchObject({
      mixed,
      mixedWhen: { finishedAt: plans.finishedAt, modelChanged: false },
      recipe: { dirtySincePlans: false },
    });
    recipe.text = 'model: net.onnx\ntarget: arm64';
    await session.recipeChanged();
    expect(session.state.recipe.dirtySincePlans).toBe(true);
  });

  it('is taken anew where another window or the command line found something', async () => {
    const { session, kept } = setUp();
    await session.open();
    expect(session.state.mixed).toBeNull();
    kept.plans = { ...plans, modelChanged: true };
    kept.gains = { value: { gains: [] }, recipe: null, finishedAt: 'later', modelChanged: false };
    await session.resultChanged();
    expect(session.state.mixedWhen).toEqual({
      finishedAt: plans.finishedAt,
      modelChanged: true,
    });
    expect(session.state.gainsWhen?.finishedAt).toBe('later');
  });

  it('says nothing where nothing is new, and goes with its recipe', async () => {
    const { session, kept, found } = setUp();
    kept.plans = plans;
    await session.open();
    const patches: object[] = [];
    session.onDidChange((patch) => patches.push(patch));
    await session.keptChanged();
    expect(patches).toEqual([]);
    delete kept.plans;
    found.path = '/m/other.quant.yaml';
    await session.refreshRecipe();
    expect(session.state).toMatchObject({ mixed: null, mixedWhen: null });
  });

  it('the sensitivity of layers comes back, too, and goes with its recipe', async () => {
    const { session, kept, recipe, found } = setUp();
    const report = { layers: [], stopped: true };
    kept.sensitivity = { ...plans, value: report };
    await session.open();
    expect(session.state).toMatchObject({
      sensitivity: report,
      sensitivityWhen: { finishedAt: plans.finishedAt, modelChanged: false },
      recipe: { dirtySinceSensitivity: false },
    });
    recipe.text = 'model: net.onnx\nkeep_fp32: [a]';
    await session.recipeChanged();
    expect(session.state.recipe.dirtySinceSensitivity).toBe(true);
    delete kept.sensitivity;
    found.path = '/m/other.quant.yaml';
    await session.refreshRecipe();
    expect(session.state).toMatchObject({ sensitivity: null, sensitivityWhen: null });
    expect(session.state.recipe.dirtySinceSensitivity).toBe(false);
  });

  it('gains are measured on the written model where there is one', async () => {
    const { session, runs, stored } = setUp();
    stored.set('/m/net.quant.yaml', { ...result('one'), output: '/m/net.int8.onnx' });
    await session.open();
    const ended = session.measureFusions('Measure');
    await settle();
    expect(runs[0]).toMatchObject({
      method: 'fusions',
      params: {
        model: '/m/net.int8.onnx',
        measure: { kept: '/m/net.quant.yaml', recipe: { recipePath: '/m/net.quant.yaml' } },
      },
    });
    runs[0]?.resolve({ measured: { gains: [] } });
    await ended;
    expect(session.state).toMatchObject({ gains: { gains: [] }, job: null });
  });
});

describe('running', () => {
  it('streams progress and partial results, then the result', async () => {
    const { session, runs } = setUp();
    await session.open();
    const patches: object[] = [];
    session.onDidChange((patch) => patches.push(patch));
    const ended = session.start(run);
    await settle();
    runs[0]?.listener.onProgress?.(progress);
    runs[0]?.listener.onPartial?.(result('half', false));
    expect(session.state.job?.progress).toBe(progress);
    expect(session.state.result?.key).toBe('half');
    runs[0]?.resolve(result('whole'));
    expect((await ended)?.key).toBe('whole');
    expect(session.state).toMatchObject({ job: null, failure: null });
    expect(session.running).toBe(false);
    expect(patches.map((patch) => Object.keys(patch).join())).toEqual([
      'job,failure',
      'job',
      'result',
      'result,job,failure',
      'recipe',
    ]);
  });

  it('plans mixed precision as a job of its own, without times of nodes, and forgets it with its recipe', async () => {
    const { session, runs, found } = setUp();
    await session.open();
    const ended = session.plan('Plan');
    await settle();
    expect(runs[0]).toMatchObject({ method: 'plan', params: { recipePath: '/m/net.quant.yaml' } });
    runs[0]?.listener.onProgress?.(progress);
    expect(session.state.job).toMatchObject({ title: 'Plan', progress });
    const plans = [
      { choices: [], latency: { int8P50: 1, profile: { runs: 3 } } },
      { latency: null },
    ];
    runs[0]?.resolve({ plans, recommended: 0 });
    expect((await ended)?.plans).toBe(plans);
    expect(session.state).toMatchObject({
      job: null,
      mixed: { plans: [{ latency: { int8P50: 1, profile: null } }, { latency: null }] },
    });
    // what ran last is still the recipe behind the result
    expect(session.state.recipe.dirtySinceResult).toBe(false);
    found.path = '/m/other.quant.yaml';
    await session.refreshRecipe();
    expect(session.state.mixed).toBeNull();
  });

  it('measures the sensitivity of layers as a job of its own, as far and by what was wished', async () => {
    const { session, runs } = setUp();
    await session.open();
    const ended = session.measureSensitivity('Measure', { stage: 'two-pass', measure: 'sqnr' });
    await settle();
    expect(runs[0]).toMatchObject({
      method: 'sensitivity',
      params: { recipePath: '/m/net.quant.yaml', stage: 'two-pass', measure: 'sqnr' },
    });
    runs[0]?.listener.onProgress?.(progress);
    expect(session.state.job).toMatchObject({ title: 'Measure', progress });
    const report = { layers: [], stopped: false };
    runs[0]?.resolve(report);
    expect(await ended).toBe(report);
    expect(session.state).toMatchObject({
      ...{ job: null, sensitivity: report, sensitivityWhen: { modelChanged: false } },
      recipe: { dirtySinceSensitivity: false },
    });
    const again = session.measureSensitivity('Measure', {});
    await settle();
    session.cancel();
    expect(runs[1]?.listener.signal?.aborted).toBe(true);
    expect(await again).toBeNull();
    // what was found before stays
    expect(session.state).toMatchObject({ job: null, failure: null, sensitivity: report });
  });

  it('ends a plan where it is cancelled, with no failure', async () => {
    const { session, runs } = setUp();
    await session.open();
    const ended = session.plan('Plan');
    await settle();
    session.cancel();
    expect(runs[0]?.listener.signal?.aborted).toBe(true);
    expect(await ended).toBeNull();
    expect(session.state).toMatchObject({ job: null, failure: null, mixed: null });
  });

  it('lets the latest wish win', async () => {
    const { session, runs } = setUp();
    await session.open();
    const first = session.start(run);
    await settle();
    const second = session.start({ ...run, text: 'model: net.onnx\nkeep_fp32: [a]' });
    await settle();
    expect(runs[0]?.listener.signal?.aborted).toBe(true);
    expect(await first).toBeNull();
    runs[0]?.listener.onPartial?.(result('late'));
    runs[0]?.listener.onProgress?.(progress);
    expect(session.state.result).toBeNull();
    expect(session.state.job?.progress).toBeNull();
    expect(runs[1]?.params).toMatchObject({ text: 'model: net.onnx\nkeep_fp32: [a]' });
    runs[1]?.resolve(result('second'));
    expect((await second)?.key).toBe('second');
  });

  it('leaves the last good result on view when a run fails', async () => {
    const { session, runs, stored } = setUp();
    stored.set('/m/net.quant.yaml', result('good'));
    await session.open();
    const ended = session.start(run);
    await settle();
    runs[0]?.reject(new VernierError('data.empty', 'No images.'));
    expect(await ended).toBeNull();
    expect(session.state).toMatchObject({ job: null, failure: { code: 'data.empty' } });
    expect(session.state.result?.key).toBe('good');
  });

  it('shows a partial result over a measured one only when it is measured itself', async () => {
    const { session, runs, stored } = setUp();
    stored.set('/m/net.quant.yaml', result('before', true, { y: 20 }));
    await session.open();
    void session.start(run);
    await settle();
    runs[0]?.listener.onPartial?.(result('ranges', false));
    expect(session.state.result?.key).toBe('before');
    runs[0]?.listener.onPartial?.(result('measured', false, { y: 22 }));
    expect(session.state.result?.key).toBe('measured');
    session.cancel();
  });

  it('does not call a cancel a failure', async () => {
    const { session, runs } = setUp();
    await session.open();
    const ended = session.start(run);
    await settle();
    session.cancel();
    expect(await ended).toBeNull();
    expect(runs[0]?.listener.signal?.aborted).toBe(true);
    expect(session.state).toMatchObject({ job: null, failure: null });
    await session.idle();
  });

  it('runs nothing where nothing is trusted, until it is', async () => {
    const { session, runs } = setUp({ trusted: false });
    await session.open();
    expect(await session.start(run)).toBeNull();
    expect(session.state.failure?.code).toBe('job.untrusted');
    expect(runs).toHaveLength(0);
    session.trust();
    expect(session.state).toMatchObject({ trusted: true, failure: null });
  });

  it('sends the text of an unsaved recipe, and leaves a saved one to the file', async () => {
    const { session, runs, recipe } = setUp();
    await session.open();
    void session.start(run);
    await settle();
    expect(runs[0]?.params).toEqual({ recipePath: recipe.path, text: undefined, until: 'all' });
    recipe.unsaved = true;
    void session.start(run);
    await settle();
    expect(runs[1]?.params).toMatchObject({ text: recipe.text });
    session.cancel();
  });

  it('says when the recipe is newer than the result', async () => {
    const { session, runs, recipe } = setUp();
    await session.open();
    const ended = session.start(run);
    await settle();
    runs[0]?.resolve(result('one'));
    await ended;
    expect(session.state.recipe.dirtySinceResult).toBe(false);
    recipe.text += '\nkeep_fp32: [a]';
    await session.recipeChanged();
    expect(session.state.recipe.dirtySinceResult).toBe(true);
  });

  it('does not take a stored result while a job is about to write one', async () => {
    const { session, runs, stored } = setUp();
    await session.open();
    const ended = session.start(run);
    await settle();
    stored.set('/m/net.quant.yaml', result('stored'));
    await session.resultChanged();
    expect(session.state.result).toBeNull();
    runs[0]?.resolve(result('own'));
    await ended;
    expect(session.state.result?.key).toBe('own');
  });

  it('shows the recipe that was run, if it is another one', async () => {
    const { session, stored } = setUp();
    stored.set('/m/fast.quant.yaml', result('fast'));
    await session.useRecipe('/m/fast.quant.yaml');
    expect(session.recipePath).toBe('/m/fast.quant.yaml');
    expect(session.state.result?.key).toBe('fast');
  });
});
