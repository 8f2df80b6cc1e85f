import type { RunResult } from '../results';
import { CHOICES, chooseStage, fillChoice, withMode } from './choose';
import type { JobContext } from './context';
import { makePlan, type Plan } from './plan';
import type { RunUntil } from './protocol';
import { searchStage } from './search';
import type { Subject } from './subject';

/**
 * A plan in which nothing is left open, and in the result how it came about: `mode: auto` measures and chooses, `quantization:
 * auto` searches. Unless all that is wanted are ranges.
 */
export async function settlePlan(
  plan: Plan,
  subject: Subject,
  result: RunResult,
  context: JobContext,
  until: RunUntil,
  bundle: string,
): Promise<Plan> {
  if (!plan.recipe.quantization.auto || until === 'calibrate') return plan;
  if (plan.recipe.search.wanted) return searchedPlan(plan, subject, result, context, bundle);
  const choice = await chooseStage({ plan, subject, modes: CHOICES, bundle }, context);
  fillChoice(result, choice);
  context.partial();
  return withMode(plan, choice.winner);
}

/** The plan of the recipe that a search found, so that running that recipe gives the same bytes. */
async function searchedPlan(
  plan: Plan,
  subject: Subject,
  result: RunResult,
  context: JobContext,
  bundle: string,
): Promise<Plan> {
  const { budgetSeconds } = plan.recipe.search;
  const found = await searchStage(plan, subject, budgetSeconds, bundle, context);
  const settled =
    found.text === null ? withMode(plan, 'float32') : await makePlan(plan.recipePath, found.text);
  result.search = found;
  result.mode = settled.recipe.quantization.mode;
  context.partial();
  return settled;
}
