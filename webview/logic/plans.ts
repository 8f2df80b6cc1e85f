/** Plans of mixed precision as a table shows them. Pure. */
import type { MixedPlan, MixedPrecision, PlannedLayer } from '../../src/protocol';

export interface PlanRow {
  plan: MixedPlan;
  recommended: boolean;
  /** All that it takes out of INT8, and nothing else of these plans, is in the recipe now. */
  inRecipe: boolean;
}

/** The plans that nothing beats, the best of every number of layers and the one to take, fewest layers first. */
export function planRows(
  { plans, recommended }: MixedPrecision,
  kept: readonly string[],
): PlanRow[] {
  const now = new Set(kept);
  const planned = new Set(plans.flatMap(({ choices }) => named(choices, 'float32')));
  const nowOf = [...planned].filter((layer) => now.has(layer)).length;
  return plans
    .map((plan, i): PlanRow & { shown: boolean } => {
      const float = named(plan.choices, 'float32');
      const whole = float.length === plan.choices.length;
      return {
        plan,
        recommended: i === recommended,
        inRecipe: whole && float.length === nowOf && float.every((layer) => now.has(layer)),
        shown: plan.best || plan.pareto || i === recommended || i === 0,
      };
    })
    .filter(({ shown }) => shown)
    .map(({ plan, recommended: take, inRecipe }) => ({ plan, recommended: take, inRecipe }))
    .sort(
      (a, b) =>
        a.plan.choices.length - b.plan.choices.length ||
        b.plan.measured.sqnrDb - a.plan.measured.sqnrDb,
    );
}

/** The layers that a plan gives one precision. */
export function named(
  choices: readonly PlannedLayer[],
  precision: PlannedLayer['precision'],
): string[] {
  return choices.filter((c) => c.precision === precision).map((c) => c.layer);
}

/** Layers of a plan with 16-bit activations that the runtime computes in float all the same. */
export function wideInFloat({ choices, executed }: MixedPlan): string[] {
  return named(choices, 'int16').filter((layer) => executed?.[layer] === 'float32');
}
