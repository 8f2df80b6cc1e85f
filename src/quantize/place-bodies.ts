import { bodyModel, constantsAround, ScopedIndex, type Body, type Model } from '../onnx';
import { whyUnread } from './body-statistics/steps';
import type { Placement, PlacementOptions, UnitPlacement } from './placement';
import { isRecurrent } from './recurrent';
import type { TypeOf, Unit } from './units';

type Place = (
  model: Model,
  units: readonly Unit[],
  options: PlacementOptions,
  typeOf: TypeOf,
) => Placement;

/**
 * Adds the layers inside If, Loop and Scan to a placement of the main graph, each body by the same rules as a model of its own:
 * 1. It sees the constants around it. What it captures is computed, as its inputs are.
 * 2. A body whose turns calibration cannot follow stays float, with the reason.
 * 3. LSTM, GRU and RNN are not taken apart there.
 * 4. Decisions are in the order of `units`.
 * Does nothing where no unit stands in a body.
 */
export function placeBodies(
  main: Placement,
  model: Model,
  units: readonly Unit[],
  options: PlacementOptions,
  typeOf: TypeOf,
  place: Place,
): Placement {
  const byBody = new Map<string, { body: Body; units: Unit[] }>();
  for (const unit of units) {
    if (!unit.body) continue;
    const { path } = unit.body;
    const own = byBody.get(path) ?? { body: unit.body, units: [] };
    own.units.push(unit);
    byBody.set(path, own);
  }
  if (byBody.size === 0) return main;
  const indexes = new ScopedIndex(model.graph);
  const bodies = new Map<string, Placement>();
  const decided = new Map<Unit, UnitPlacement>(main.units.map((p) => [p.unit, p]));
  for (const [path, { body, units: own }] of byBody) {
    const unread = whyUnread(body, indexes);
    if (unread !== null) {
      for (const unit of own) {
        const reason = options.keep.has(unit.name) ? 'kept in FP32 by the recipe' : unread;
        decided.set(unit, { unit, integer: false, reason });
      }
      continue;
    }
    const recurrent = own.filter((u) => isRecurrent(u.node)).map((u) => u.name);
    const keep = new Set([...options.keep, ...recurrent]);
    const placed = place(withConstants(model, body, indexes), own, { ...options, keep }, typeOf);
    bodies.set(path, placed);
    for (const each of placed.units) {
      const apart = recurrent.includes(each.unit.name) && !options.keep.has(each.unit.name);
      decided.set(each.unit, apart ? { ...each, reason: whyWhole(body) } : each);
    }
  }
  return { ...main, units: units.map((unit) => decided.get(unit)!), bodies };
}

function whyWhole({ owner, path }: Body): string {
  return `it is a recurrent layer inside ${owner.opType} '${path}', where none is taken apart: mode: dynamic quantizes LSTMs there`;
}

/** A body as a model with the constants that it reads from outside; nodes and constants are the given model's own. */
function withConstants(model: Model, body: Body, indexes: ScopedIndex): Model {
  const outer = constantsAround(body, indexes.of(body));
  const graph = { ...body.graph, initializer: [...body.graph.initializer, ...outer] };
  return bodyModel(model, { ...body, graph });
}

/** The tensor whose scale each quantized tensor has, in the main graph and in all bodies. */
export function everyRoot({ quantized, bodies }: Placement): Map<string, string> {
  const inner = [...(bodies?.values() ?? [])].flatMap((placed) => [...placed.quantized]);
  return new Map([...inner, ...quantized]);
}
