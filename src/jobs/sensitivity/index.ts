/** How sensitive the outputs are to every layer, stage by stage, the cheapest first. */
import { VernierError } from '../../errors';
import type { AccuracyResult, OutputMeasures, SensitivityStage } from '../../results';
import type { SensitivityMeasure, SensitivityReport, StageReport } from '../../results-sensitivity';
import { runtimeVersion } from '../../runtime/session';
import type { Metric } from '../../data';
import type { JobHooks } from '../context';
import { keepFound } from '../kept';
import { modeOf } from '../modes';
import type { Memory } from '../memory';
import { ownMetric } from '../metric';
import { openTries } from '../mixed/tries';
import { openJob } from '../open-job';
import type { Plan } from '../plan';
import type { SensitivityRequest } from '../protocol';
import { correctPartsStage } from '../stages/correct';
import { loudest, worthKeeping } from '../stages/costs';
import { expectedStage } from '../stages/expected';
import { accumulatedStage, experimentUnits, layersAlone, localStage } from '../stages/layers';
import { openProbe, shapesOf } from '../stages/probe';
import { twoPassStage, type TwoPass } from '../stages/two-pass';
import { wholeStage } from '../stages/whole';
import { PartsMeter } from '../parts-meter';
import { openStudy, type Study } from '../study';
import { TimeOver } from '../unfinished';
import { metricsOfLayers, wantedMetric } from './metric';
import { rowsOf, sharesOf, sorted, type Known } from './rows';

const DEFAULTS = { budgetSeconds: 120, top: 5 };
/** Trying layers alone may take this part of the time that is left; the rest is for keeping one at a time. */
const ALONE = 0.7;

const ORDER: readonly SensitivityStage[] = ['analytic', 'two-pass', 'exact'];

/**
 * Finds what quantizing each layer does to the outputs: from statistics, from two passes, then by running it; as far as asked
 * for and the time allows. What was measured is kept by its content, so that it goes on where it was stopped, and a run of
 * the recipe and this go on from each other; the report is kept beside the recipe. Throws `recipe.*`, `model.*`, `data.*`.
 */
export async function sensitivityOf(
  request: SensitivityRequest,
  memory: Memory,
  hooks: Pick<JobHooks, 'progress' | 'temporary'>,
): Promise<SensitivityReport> {
  const { plan, subject, context, notes } = await openJob(request, memory, hooks);
  const stage = request.stage ?? plan.recipe.sensitivity.stage;
  const measure = request.measure ?? 'sqnr';
  refuseUnmeasured(plan, stage, measure);
  // a metric that cannot be had is told of before anything is calibrated for it
  if (measure === 'metric') await ownMetric(plan);
  const study = await openStudy(plan, subject, context);
  try {
    const metric = measure === 'metric' ? await wantedMetric(study) : null;
    const found = await new Search(study, request, stage, measure, metric).run();
    const report = { ...found, notes };
    await keepFound(context.store, 'sensitivity', report, plan.parsed.doc.text, plan.model);
    return report;
  } finally {
    study.quantized.release();
  }
}

/** The stages of one request, and what they found so far. */
class Search {
  private readonly start = Date.now();
  private readonly stages: StageReport[] = [];
  private readonly known: Known = {
    ...{ expected: null, twoPass: null, local: new Map(), alone: new Map() },
    ...{ allButThis: new Map(), metrics: new Map() },
  };
  private whole: OutputMeasures | null = null;
  private wholeMetric: AccuracyResult | null = null;

  constructor(
    private readonly study: Study,
    private readonly request: SensitivityRequest,
    private readonly stage: SensitivityStage,
    private readonly measure: SensitivityMeasure,
    private readonly metric: Metric | null,
  ) {}

  async run(): Promise<SensitivityReport> {
    const { plan, evaluation, layerSamples } = this.study;
    const goes = (stage: SensitivityStage) => ORDER.indexOf(this.stage) >= ORDER.indexOf(stage);
    const names = this.names();
    const shapes = await this.analytic(names);
    if (goes('two-pass')) await this.orSkip('two-pass', names, () => this.twoPass(names, shapes));
    if (goes('exact')) await this.orSkip('exact', names, () => this.exact(names));
    if (this.metric) await this.metrics();
    const { shares, by } = sharesOf(this.study, this.known, this.integer());
    const rows = rowsOf(this.study, this.known, shares, this.whole);
    return {
      ...{ model: plan.model, recipe: plan.recipePath, target: plan.target },
      ...{ mode: plan.recipe.quantization.mode, stage: this.stage, measure: this.measure },
      ...{ metric: this.metric?.name ?? null, layers: sorted(rows, this.measure), shareBy: by },
      ...{ whole: this.whole, wholeMetric: this.wholeMetric, stages: this.stages },
      measuredOn: {
        ...{ samples: layerSamples.feeds.length, source: evaluation.source.name },
        ...{ heldBack: evaluation.heldBack, random: evaluation.source.random },
      },
      ...{ runtime: runtimeVersion(), seconds: this.spent() },
      stopped: this.stages.some(({ ended }) => ended !== 'done'),
    };
  }

  /** A stage for which there is time; one for which there is none has measured nothing. */
  private async orSkip(
    stage: SensitivityStage,
    names: readonly string[],
    run: () => Promise<void>,
  ): Promise<void> {
    if (!this.over()) return run();
    const nothing = { measured: 0, of: names.length, seconds: 0 };
    this.stages.push({ stage, ...nothing, ended: 'not-begun' });
  }

  /** From statistics, weights and graph. @returns shapes of the inputs */
  private async analytic(names: readonly string[]) {
    const { plan, subject, calibrated, quantized, samples, context } = this.study;
    const done = await this.begin('analytic', names.length);
    const shapes = shapesOf(await openProbe(plan, subject, samples, context));
    const found = await expectedStage(plan, subject, calibrated, quantized, shapes, context);
    this.known.expected = found;
    // where there are no ranges there is nothing to wait for
    if (found) done(names.filter((name) => found.has(name)).length);
    return shapes;
  }

  /**
   * The noise that each layer makes, and that which comes together, as far as the time allows. What a layer costs is known of none
   * before both passes have seen every sample: the one factor that puts all of them right is found from what both measured.
   */
  private async twoPass(names: readonly string[], shapes: Record<string, number[]>) {
    const done = await this.begin('two-pass', names.length);
    try {
      const found = await this.passes(shapes);
      if (found.db) done(names.filter((name) => found.db!.has(name)).length);
    } catch (error) {
      if (!(error instanceof TimeOver)) throw error;
      done(0, 'stopped');
    }
  }

  /** Both passes, in one count. Throws {@link TimeOver} with all that was measured kept. */
  private async passes(shapes: Record<string, number[]>): Promise<TwoPass> {
    const { context, quantized, subject, layerSamples, exact } = this.study;
    const n = layerSamples.feeds.length;
    const shown = { stage: 'sensitivity', detail: 'two-pass' } as const;
    const parts = new PartsMeter(context.meter, [0, n, n, n], shown);
    const store = context.store.until(() => this.over());
    const study = { ...this.study, context: { ...context, store, meter: parts.meter } };
    const biases = await correctPartsStage(study);
    if (biases) quantized.aloneBiases = biases;
    parts.next();
    const local = await localStage(study);
    this.known.local = local;
    parts.next();
    const everything = new Map(subject.units.map((u) => [u.name, null]));
    const accumulated = await accumulatedStage(study, everything);
    parts.next();
    const whole = await wholeStage(study);
    this.whole = whole.measures;
    const found = await twoPassStage({ ...study, shapes }, { local, accumulated, whole, exact });
    this.known.twoPass = found;
    return found;
  }

  /** By running: each layer alone, and its parts; then the loud ones kept, one at a time. */
  private async exact(names: readonly string[]) {
    const { study } = this;
    const { plan, context } = study;
    const alone = await this.begin('exact', names.length);
    const budget = {
      ...plan.recipe.sensitivity,
      budgetSeconds: Math.max(0, ALONE * (this.budget - this.spent())),
    };
    const began = this.spent();
    const own = { ...plan, recipe: { ...plan.recipe, sensitivity: budget } };
    const sums = await layersAlone({ ...study, plan: own }, true);
    this.known.alone = sums;
    const measured = names.filter((name) => sums.has(name)).length;
    const late = this.spent() - began >= budget.budgetSeconds;
    alone(measured, measured < names.length && late ? 'stopped' : 'done');

    const candidates = worthKeeping(this.integer(), this.shares());
    if (this.integer().length < 2) return;
    const kept = await this.begin('all-but-this', candidates.length);
    const tries = await openTries(study);
    await context.meter.begin('sensitivity', candidates.length, 'keeping one at a time');
    for (const [i, layer] of candidates.entries()) {
      if (this.over()) break;
      const { sums: found } = await tries.run([{ layer, precision: 'float32' }]);
      this.known.allButThis.set(layer, found.measures);
      await context.meter.step(i + 1, candidates.length, 'keeping one at a time');
    }
    const tried = this.known.allButThis.size;
    kept(tried, endOf(tried, candidates.length));
  }

  /** The recipe's metric for the loudest layers. */
  private async metrics() {
    const layers = loudest(this.integer(), this.shares()).slice(
      0,
      this.request.top ?? DEFAULTS.top,
    );
    const all = 1 + 2 * layers.length;
    const done = await this.begin('metric', all);
    const found = await metricsOfLayers(this.study, this.metric!, layers, () => this.over());
    this.known.metrics = found.layers;
    this.wholeMetric = found.whole;
    done(found.measured, endOf(found.measured, all));
  }

  /** Parts of the noise, as far as they are known. */
  private shares(): Map<string, number> {
    return sharesOf(this.study, this.known, this.integer()).shares;
  }

  private async begin(stage: StageReport['stage'], of: number) {
    const start = Date.now();
    const report: StageReport = { stage, measured: 0, of: 0, seconds: 0, ended: 'done' };
    this.stages.push(report);
    await this.study.context.meter.begin('sensitivity', of, stage);
    return (measured: number, ended: StageReport['ended'] = 'done') => {
      Object.assign(report, { measured, of, seconds: (Date.now() - start) / 1000, ended });
    };
  }

  /** Layers that could be quantized, and those that are. */
  private names(): string[] {
    const { plan, subject, quantized } = this.study;
    const units = experimentUnits(plan, subject, quantized).filter((u) => u.integer);
    return [...new Set([...units.map((u) => u.unit.name), ...this.integer()])];
  }

  private integer(): string[] {
    return this.study.quantized.units.filter((u) => u.integer).map((u) => u.unit.name);
  }

  private get budget(): number {
    return this.request.budgetSeconds ?? DEFAULTS.budgetSeconds;
  }

  private spent(): number {
    return (Date.now() - this.start) / 1000;
  }

  private over(): boolean {
    return this.spent() > this.budget;
  }
}

/** How work of so many steps ended that only the time can cut short. */
function endOf(measured: number, of: number): StageReport['ended'] {
  if (measured >= of) return 'done';
  return measured > 0 ? 'stopped' : 'not-begun';
}

function refuseUnmeasured(plan: Plan, stage: SensitivityStage, measure: SensitivityMeasure) {
  const { mode } = plan.recipe.quantization;
  if (stage !== 'exact' && modeOf(mode).experiments !== 'twin')
    throw new VernierError(
      'recipe.schema',
      `In mode ${mode} there are no ranges, from which the stage ${stage} estimates what layers cost.`,
      { file: plan.recipePath, remedy: 'Take the stage exact: it runs the model.' },
    );
  if (stage === 'exact' || measure === 'sqnr' || measure === 'metric') return;
  throw new VernierError(
    'recipe.schema',
    `The stage ${stage} estimates decibels; ${measure} is known only of layers that were run.`,
    { file: plan.recipePath, remedy: 'Take the stage exact, or the measure sqnr.' },
  );
}
