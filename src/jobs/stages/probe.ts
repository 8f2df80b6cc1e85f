import { VernierError } from '../../errors';
import { openData, type Feed } from '../../data';
import type { TensorValue } from '../../onnx';
import type { JobContext } from '../context';
import type { Plan } from '../plan';
import { inputHints, type Samples } from '../samples';
import type { Subject } from '../subject';
import { openReference, openSource } from './evaluate';

/** One sample and what FP32 makes of it: every written file is run on it once. */
export interface Probe {
  feed: Feed;
  exact: Record<string, TensorValue>;
  on: 'data' | 'random';
}

/** Why there is no sample: a file is loaded then, and not run. */
export interface NoProbe {
  why: string;
}

/** Shapes of the inputs as the sample has them; none without one. */
export function shapesOf(probe: Probe | NoProbe): Record<string, number[]> {
  const feed = 'feed' in probe ? probe.feed : {};
  return Object.fromEntries(Object.entries(feed).map(([name, { dims }]) => [name, [...dims]]));
}

/**
 * The sample on which a written file is tried: the first of the evaluation's, or without any data a random one.
 * Random values do not suit every model: where FP32 itself does not run on them, there is no probe.
 * Throws what reading data and running the FP32 model on *data* throws.
 */
export async function openProbe(
  plan: Plan,
  subject: Subject,
  samples: Samples,
  context: JobContext,
): Promise<Probe | NoProbe> {
  const { evaluation } = samples;
  if (evaluation) {
    const feed = await evaluation.source.sample(evaluation.indices[0]!);
    const reference = await openReference(subject, evaluation, context);
    return { feed, exact: await reference.of(0, feed), on: 'data' };
  }
  try {
    const source = await openData({
      data: ['random'],
      seed: 0,
      samples: 1,
      baseDir: plan.baseDir,
      inputs: subject.inputs,
      inputShapes: inputHints(plan),
    });
    const feed = await source.sample(0);
    const session = await openSource(subject);
    try {
      return { feed, exact: await session.run(feed), on: 'random' };
    } finally {
      await session.release();
    }
  } catch (error) {
    const tried = ['data.open-shape', 'data.wrong-type', 'model.does-not-run'];
    if (error instanceof VernierError && tried.includes(error.code)) return { why: error.message };
    throw error;
  }
}
