/** What candidates are compared on and by, where one of several is to be chosen. */
import type { Evaluation } from '../analyze/evaluate';
import { spread } from '../data';
import { VernierError } from '../errors';
import type { LatencyResult, LimitResult, ModeChoice, ModeTrial } from '../results';
import type { JobContext } from './context';
import { checkNumbers } from './limits';
import type { Plan } from './plan';
import type { Samples } from './samples';
import { evaluateStage, openReference, type Candidate } from './stages/evaluate';
import { openProbe, type Probe } from './stages/probe';
import { totalMacs, type Subject } from './subject';

/** Candidates are compared on as many samples as cost this many multiply-accumulates in FP32, */
const SAMPLE_MACS = 8e9;
/** and on no fewer, and no more, than these. */
const [FEWEST_SAMPLES, MOST_SAMPLES] = [32, 1024];

/** Samples that candidates are compared on, where there are so many. */
export function sampleCount(subject: Subject): number {
  const each = totalMacs(subject);
  const affordable = each > 0 ? Math.floor(SAMPLE_MACS / each) : MOST_SAMPLES;
  return Math.max(FEWEST_SAMPLES, Math.min(MOST_SAMPLES, affordable));
}

/** Accuracy and closeness on a part of the evaluation set, spread over it; null without one. @param most so many samples */
export async function compareWithFp32(
  plan: Plan,
  subject: Subject,
  candidate: Candidate,
  { evaluation }: Samples,
  most: number,
  context: JobContext,
): Promise<Evaluation | null> {
  if (!evaluation) return null;
  const reference = await openReference(subject, evaluation, context);
  const positions = spread(evaluation.indices.length, most);
  const task = { plan, subject, reference, evaluation, context };
  return evaluateStage(task, candidate, positions);
}

/** The sample on which candidates are run and timed. Throws `recipe.schema` where there is none. */
export async function comparisonProbe(
  plan: Plan,
  subject: Subject,
  samples: Samples,
  context: JobContext,
): Promise<Probe> {
  const probe = await openProbe(plan, subject, samples, context);
  if ('feed' in probe) return probe;
  throw new VernierError(
    'recipe.schema',
    `The models cannot be run to compare them: ${probe.why}`,
    {
      file: plan.recipePath,
      remedy: 'Add evaluate: { data: … } to the recipe, or inputs: with the shapes left open.',
    },
  );
}

/**
 * The limits of the recipe that the model as it is misses: its own size and speed are 1, and its times are the shortest that
 * it had beside any trial.
 */
export function whatFp32Misses(
  { recipe }: Plan,
  trials: readonly Pick<ModeTrial, 'latency'>[],
): LimitResult[] {
  const times = trials.flatMap(({ latency }) => latency ?? []);
  const shortest = (of: (latency: LatencyResult) => number) =>
    times.length > 0 ? Math.min(...times.map(of)) : null;
  const own: Partial<Record<string, number | null>> = {
    size_ratio: 1,
    speedup: 1,
    p50_ms: shortest((t) => t.fp32P50),
    p99_ms: shortest((t) => t.fp32P99),
  };
  return checkNumbers(recipe.limits, (limit) => own[limit] ?? null).filter((l) => l.met === false);
}

/** What candidates of a model are compared on. */
export function measuredOn(
  subject: Subject,
  { evaluation }: Samples,
  probe: Probe,
): ModeChoice['measuredOn'] {
  if (!evaluation) return { samples: 1, source: 'random', random: probe.on === 'random' };
  return {
    samples: Math.min(sampleCount(subject), evaluation.indices.length),
    source: evaluation.source.name,
    random: evaluation.source.random,
  };
}
