import type { LayerWish } from '../recipe/match';
import type { Plan } from './plan';

/**
 * Layers that an entry of `layers:` asks to be INT8, by name: those that stay float by default are integer then. An entry
 * for `*` asks for what can be had, not for every single layer.
 */
export function forcedLayers(plan: Plan, wishes: ReadonlyMap<string, LayerWish>): Set<string> {
  const asks = ({ keep, by }: LayerWish) =>
    !keep && by?.[0] === 'layers' && plan.recipe.layers[Number(by[1])]?.match !== '*';
  return new Set([...wishes].flatMap(([name, wish]) => (asks(wish) ? [name] : [])));
}
