/** What candidates are compared on and by, where one of several is to be chosen. */
import { evaluate, metricFor, type Evaluation } from '../analyze/evaluate';
import { spread } from '../data';
import type { ModeChoice } from '../results';
import type { Session } from '../runtime/session';
import type { JobContext } from './context';
import type { Plan } from './plan';
import type { Samples } from './samples';
import { openReference } from './stages/evaluate';
import type { Probe } from './stages/probe';
import type { Subject } from './subject';

/** Candidates are compared on as many samples as cost this many multiply-accumulates in FP32, */
const SAMPLE_MACS = 8e9;
/** and on no fewer, and no more, than these. */
const [FEWEST_SAMPLES, MOST_SAMPLES] = [32, 1024];

/** Samples that candidates are compared on, where there are so many. */
export function sampleCount({ macs }: Subject): number {
  const each = [...macs.values()].reduce<number>((sum, m) => sum + (m ?? 0), 0);
  const affordable = each > 0 ? Math.floor(SAMPLE_MACS / each) : MOST_SAMPLES;
  return Math.max(FEWEST_SAMPLES, Math.min(MOST_SAMPLES, affordable));
}

/** Accuracy and closeness on a part of the evaluation set, spread over it; null without one. @param most so many samples */
export async function compareWithFp32(
  plan: Plan,
  subject: Subject,
  session: Session,
  { evaluation }: Samples,
  most: number,
  context: JobContext,
): Promise<Evaluation | null> {
  if (!evaluation) return null;
  const reference = await openReference(subject, evaluation, context);
  const positions = spread(evaluation.indices.length, most);
  const { labels } = evaluation;
  await context.meter.begin('evaluate', positions.length);
  return evaluate(
    session,
    (i, feed) => reference.of(positions[i]!, feed),
    {
      count: positions.length,
      sample: (i) => evaluation.source.sample(evaluation.indices[positions[i]!]!),
      labels: labels && { kind: labels.kind, of: (i: number) => labels.of(positions[i]!) },
    },
    metricFor(plan.recipe.evaluate?.metric ?? null, labels),
    (done) => context.meter.step(done, positions.length),
  );
}

/** What the model as it is misses of the recipe's limits: its own size and speed are 1. */
export function whatFp32Misses({ recipe }: Plan): string | null {
  const { size_ratio: size, speedup } = recipe.limits;
  if (size !== undefined && size < 1) return `its size is above ${size} of itself`;
  if (speedup !== undefined && speedup > 1) return `it is not ${speedup} × as fast as itself`;
  return null;
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
