import { latencyProfile } from '../../analyze/profile';
import { allNodes, type Feed, type Model } from '../../onnx';
import type { LatencyResult } from '../../results';
import { optimizedGraph } from '../../runtime/optimized';
import type { ProfiledPair } from '../../runtime/profile';
import type { JobContext } from '../context';
import type { Plan } from '../plan';
import { referenceModel } from '../reference-model';
import type { Subject } from '../subject';
import { latencyStage, profileStage } from './latency';
import { Timings } from './timings';

/**
 * Times the source and the written model against each other, whole and node by node. What an earlier attempt at this job measured
 * of them counts ({@link Timings}).
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
