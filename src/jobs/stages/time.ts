import { latencyProfile } from '../../analyze/profile';
import { allNodes, type Feed, type Model } from '../../onnx';
import type { LatencyResult } from '../../results';
import { optimizedGraph } from '../../runtime/optimized';
import type { JobContext } from '../context';
import type { Plan } from '../plan';
import { referenceModel } from '../reference-model';
import type { Subject } from '../subject';
import { latencyStage, profileStage } from './latency';

/**
 * Times the source and the written model against each other, whole and node by node.
 * @param optimized the graph that the runtime executes for the written model; @param bundle the worker's own file
 */
export async function timeStage(
  plan: Plan,
  subject: Subject,
  optimized: Model,
  feed: Feed,
  bundle: string,
  context: JobContext,
): Promise<LatencyResult> {
  await context.meter.begin('latency', 4);
  const reference = referenceModel(subject);
  const task = {
    reference,
    candidate: plan.output,
    feed,
    settings: plan.recipe.latency,
  };
  const step = (done: number) => context.meter.step(done, 4);
  const latency = await latencyStage(bundle, task, step);
  const executed = await context.memory.get('fp32-graph', subject.key, () =>
    optimizedGraph(reference, { optimizedDataFile: 'weights.data' }),
  );
  const nodes = Math.max(...[executed, optimized].map((m) => [...allNodes(m.graph)].length));
  const pair = await profileStage(bundle, { ...task, nodes });
  await step(4);
  const { units, prepared, context: passes } = subject;
  const parts = { units, prepared, context: passes };
  return { ...latency, profile: latencyProfile(pair, executed, optimized, parts, latency) };
}
