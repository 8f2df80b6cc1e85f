import type { ErrorData } from '../../errors';
import type { FoundWhen, InspectorState, RecipeState } from '../../protocol';
import type { FusionMeasurement, ModelSummary, Progress, RunResult } from '../../results';
import type { MixedPrecision } from '../../results-mixed';
import type { SensitivityReport } from '../../results-sensitivity';

/** What is known of one model; every view of it shows the same. The language is the window's, not the model's. */
export type SessionState = Omit<InspectorState, 'language'>;

/** All that can happen to it. `run` numbers a job, so that a job that was replaced is not heard any more. */
export type SessionEvent =
  | { type: 'summary'; summary: ModelSummary }
  | { type: 'failed'; run?: number; error: ErrorData }
  | { type: 'restored'; result: RunResult | null }
  | { type: 'recipe'; recipe: RecipeState }
  | { type: 'otherRecipe' }
  | { type: 'trusted' }
  | { type: 'started'; run: number; title: string }
  | { type: 'progress'; run: number; progress: Progress }
  | { type: 'partial'; run: number; result: RunResult }
  | { type: 'done'; run: number; result: RunResult }
  | { type: 'planned'; run: number; mixed: MixedPrecision; at: string }
  | { type: 'gained'; run: number; gains: FusionMeasurement; at: string }
  | { type: 'measured'; run: number; report: SensitivityReport; at: string }
  | { type: 'keptPlans'; mixed: MixedPrecision; when: FoundWhen }
  | { type: 'keptGains'; gains: FusionMeasurement; when: FoundWhen }
  | { type: 'keptSensitivity'; report: SensitivityReport; when: FoundWhen };

export const noRecipe: RecipeState = {
  path: '',
  exists: false,
  kept: [],
  calibrationSource: null,
  random: false,
  target: 'auto',
  mode: 'static',
  calibrates: true,
  dirtySinceResult: false,
  dirtySincePlans: false,
  dirtySinceSensitivity: false,
  lines: {},
};

export function initialState(fileName: string, trusted: boolean): SessionState {
  return {
    fileName,
    summary: null,
    result: null,
    recipe: noRecipe,
    mixed: null,
    mixedWhen: null,
    sensitivity: null,
    sensitivityWhen: null,
    gains: null,
    gainsWhen: null,
    job: null,
    failure: null,
    trusted,
  };
}

/**
 * What an event changes, as the patch that the views are sent; null if nothing.
 *
 * 1. A job that is not the running one changes nothing: the latest wish wins.
 * 2. A failure leaves the last result where it was; starting a job takes the last failure away.
 * 3. A cancel is a wish, not a failure.
 * 4. A result from disk never replaces one while a job runs.
 * 5. A partial result takes the place of a measured one only when it has a verdict of its own: numbers do
 *    not vanish for a second only to come back a little different.
 * 6. What is kept on disk is taken while no job runs, and where it is another than what is shown.
 */
export function reduce(
  state: SessionState,
  event: SessionEvent,
  running: number | null,
): Partial<SessionState> | null {
  if (
    'run' in event &&
    event.type !== 'started' &&
    event.run !== undefined &&
    event.run !== running
  )
    return null;
  switch (event.type) {
    case 'summary':
      return { summary: event.summary, ...(state.job ? {} : { failure: null }) };
    case 'failed': {
      const failure = event.error.code === 'job.cancelled' ? null : event.error;
      return event.run === undefined ? { failure } : { failure, job: null };
    }
    case 'restored':
      return state.job ? null : { result: event.result };
    case 'recipe':
      return { recipe: event.recipe };
    case 'otherRecipe':
      return state.mixed || state.gains || state.sensitivity ? nothingKept : null;
    case 'trusted':
      return state.trusted ? null : { trusted: true, ...clearUntrusted(state) };
    case 'started':
      return { job: { title: event.title, progress: null }, failure: null };
    case 'progress':
      return state.job && { job: { ...state.job, progress: event.progress } };
    case 'partial':
      return hasVerdict(state.result) && !hasVerdict(event.result)
        ? null
        : { result: event.result };
    case 'done':
      return { result: event.result, job: null, failure: null };
    case 'planned':
      return { ...plans(event.mixed, fresh(event.at)), job: null, failure: null };
    case 'gained':
      return { gains: event.gains, gainsWhen: fresh(event.at), job: null, failure: null };
    case 'measured':
      return {
        ...{ sensitivity: event.report, sensitivityWhen: fresh(event.at) },
        ...{ job: null, failure: null },
      };
    case 'keptPlans':
      return state.job || same(state.mixedWhen, event.when) ? null : plans(event.mixed, event.when);
    case 'keptGains':
      return state.job || same(state.gainsWhen, event.when)
        ? null
        : { gains: event.gains, gainsWhen: event.when };
    case 'keptSensitivity':
      return state.job || same(state.sensitivityWhen, event.when)
        ? null
        : { sensitivity: event.report, sensitivityWhen: event.when };
  }
}

const nothingKept: Partial<SessionState> = {
  ...{ mixed: null, mixedWhen: null, gains: null, gainsWhen: null },
  ...{ sensitivity: null, sensitivityWhen: null },
};

const fresh = (finishedAt: string): FoundWhen => ({ finishedAt, modelChanged: false });

function same(a: FoundWhen | null, b: FoundWhen): boolean {
  return a?.finishedAt === b.finishedAt && a.modelChanged === b.modelChanged;
}

/** Times of single nodes stay out of what pages are sent. */
function plans(mixed: MixedPrecision, mixedWhen: FoundWhen): Partial<SessionState> {
  const plans = mixed.plans.map((plan) => ({
    ...plan,
    latency: plan.latency && { ...plan.latency, profile: null },
  }));
  return { mixed: { ...mixed, plans }, mixedWhen };
}

function hasVerdict(result: RunResult | null): boolean {
  return result !== null && Object.keys(result.sqnrDb).length > 0;
}

function clearUntrusted(state: SessionState): Partial<SessionState> {
  return state.failure?.code === 'job.untrusted' ? { failure: null } : {};
}
