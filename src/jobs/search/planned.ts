import { VernierError } from '../../errors';
import type { PlannedLayer } from '../../results-mixed';
import type { JobContext } from '../context';
import { findPlans } from '../mixed';
import type { Plan } from '../plan';
import { openStudy } from '../study';
import type { SearchTask } from './trials';

/** Layers that a plan of a search takes out of INT8 at most. */
const MOST_LAYERS = 8;

/**
 * Plans of mixed precision that are worth a try: the recommended one, and the fastest that was timed; none where every layer
 * is to stay in INT8. Throws what reading data throws.
 */
export async function plannedCandidates(
  { subject, bundle }: SearchTask,
  plan: Plan,
  budgetSeconds: number,
  context: JobContext,
): Promise<PlannedLayer[][]> {
  const study = await openStudy(plan, subject, context);
  try {
    const { plans, recommended } = await findPlans(
      study,
      { layers: MOST_LAYERS, budgetSeconds },
      bundle,
    );
    const timed = plans.filter(({ latency }) => latency !== null);
    const fastest = timed.reduce<(typeof plans)[number] | null>(
      (a, b) => (a === null || b.latency!.speedup > a.latency!.speedup ? b : a),
      null,
    );
    const worth = new Set([plans[recommended]!, ...(fastest ? [fastest] : [])]);
    return [...worth].map(({ choices }) => choices).filter((choices) => choices.length > 0);
  } catch (error) {
    if (error instanceof VernierError && error.code === 'model.nothing-to-quantize') return [];
    throw error;
  } finally {
    study.quantized.release();
  }
}
