import { latencyProfile } from '../../analyze/profile';
import { allNodes, type Feed, type Model } from '../../onnx';
import type { LatencyResult } from '../../results';
import { optimizedGraph } from '../../runtime/optimized';
import type { ProfiledPair } from '../../runtime/profile';
import type { JobContext } from '../context';
import type { Plan } from '../plan';
import { referenceModel } from '../reference-model';
import type { Subject } from '../subject';
import { latencyStage, PROCESSES, profileStage, type LatencyTask } from './latency';
import { Timings, type TimingPurpose } from './timings';

/**
 * Times the source against a model as a whole. What an earlier attempt at this job measured of them counts ({@link Timings}).
 * @param detail beside its progress
 */
export async function timePair(
  purpose: TimingPurpose,
  subject: Subject,
  pair: Omit<LatencyTask, 'reference'>,
  bundle: string,
  { store, meter }: Pick<JobContext, 'store' | 'meter'>,
  detail?: string,
): Promise<LatencyResult> {
  const timings = await Timings.open(store, purpose, subject, pair);
  await meter.begin('latency', PROCESSES, detail, timings.runs.length);
  const step = (done: number, total: number) => meter.step(done, total, detail);
  return latencyStage(bundle, { reference: referenceModel(subject), ...pair }, step, timings);
}

/**
 * Times the source and the written model against each other, whole like {@link timePair} and node by node.
 * @param optimized the graph that the runtime executes for the written model; @param bundle the worker's own file
 */
export async function timeStage(
  plan: Plan,
  subject: Subject,
  optimized: Model,
  feed: Feed,
  bundle: string,
  context: JobContext,
  purpose: 'run' | 'plan' = 'run',
): Promise<{ latency: LatencyResult; profile: ProfiledPair }> {
  const reference = referenceModel(subject);
  const task = {
    reference,
    candidate: plan.output,
    feed,
    settings: plan.recipe.latency,
  };
  const timings = await Timings.open(context.store, purpose, subject, task);
  const before = timings.runs.length + (timings.profile ? 1 : 0);
  await context.meter.begin('latency', 4, undefined, before);
  const step = (done: number) => context.meter.step(done, 4);
  const latency = await latencyStage(bundle, task, step, timings);
  const executed = await context.memory.get('fp32-graph', subject.key, () =>
    optimizedGraph(reference, { optimizedDataFile: 'weights.data' }),
  );
  const nodes = Math.max(...[executed, optimized].map((m) => [...allNodes(m.graph)].length));
  const pair = timings.profile ?? (await profileStage(bundle, { ...task, nodes }));
  await timings.setProfile(pair);
  await step(4);
  const { units, prepared, context: passes } = subject;
  const parts = { units, prepared, context: passes };
  const profile = latencyProfile(pair, executed, optimized, parts, latency);
  return { latency: { ...latency, profile }, profile: pair };
}
