/** What a recipe's models are compared by. */
import { metricFor } from '../analyze/accuracy';
import { builtInMetric, isModule, openMetricModule, type Labels, type Metric } from '../data';
import { fileKey } from './keys';
import type { Plan } from './plan';

/**
 * The metric of the user's own that a recipe names, loaded anew where its file has changed; null where it names none.
 * Throws `metric.*`.
 */
export async function ownMetric({ recipe, baseDir }: Plan): Promise<Metric | null> {
  const name = recipe.evaluate?.metric;
  return name && isModule(name) ? openMetricModule(name, baseDir, fileKey) : null;
}

/** The metric that a recipe names, or its labels ask for; null where neither does. Throws `metric.*`. */
export async function openMetric(plan: Plan, labels: Labels | null): Promise<Metric | null> {
  const name = metricFor(plan.recipe.evaluate?.metric ?? null, labels);
  return name === null ? null : isModule(name) ? ownMetric(plan) : builtInMetric(name);
}
