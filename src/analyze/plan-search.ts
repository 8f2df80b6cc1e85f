/** The search for plans of mixed precision: a beam over the number of layers, with groups, and steps back. Pure but for `run`. */
import type { PlannedLayer } from '../results-mixed';
import { nextGroups, nextSteps, withoutOne, type LayerNoise } from './mixed-precision';
import { PlanErrors } from './plan-errors';

/** A plan that was run. */
export interface Found<T> {
  choices: PlannedLayer[];
  /** What all other plans that were run make one expect of it; null for what the search begins with. */
  expected: number | null;
  /** Its measured noise power, relative to the signal. */
  noise: number;
  value: T;
}

export interface SearchSettings<T> {
  /** Layers out of INT8 at most. */
  most: number;
  /** Runs a plan; null where the time is over, undefined where it leaves nothing in INT8. */
  run: (choices: PlannedLayer[]) => Promise<{ noise: number; value: T } | null | undefined>;
  /** Called where all plans of so many layers were tried. */
  onSize?: (size: number) => void | Promise<void>;
  /** How many runs there is time for to find the plans of one layer more than so many; as many as help by default. */
  runs?: (size: number) => number;
}

/** So many of the best plans of a size are gone on from, */
const BEAM = 3;
/** and from each at least so many steps are tried; a plan after the best gets what that leaves. */
const FEWEST = 3;
/** Layers that are put back from the best plan of a size. */
const BACK = 2;
/** Groups that are tried from a plan besides single layers. */
const GROUPS = 2;
/** The search ends where so many sizes in turn brought less than this share of the noise. */
const PATIENCE = 3;
const LEAST_GAIN = 0.005;

/**
 * From the plans in `start` on, size by size:
 * 1. from each of the best few plans of a size, single layers and groups ({@link nextGroups}: two ends of a residual, branches
 *    that join, of which one alone brings nothing) are run, the most promising first, as many as there is time for;
 * 2. from the best plan of the next size, layers that it may no longer need are put back, since a layer that was worth taking
 *    out first may not be beside those that came later;
 * 3. a size that brings nothing does not end it, three in turn do.
 * What is expected is the sum of noise powers, times what plans like it gave more than theirs ({@link PlanErrors}).
 * What the first plan of `start` has out of INT8 stays out of it. Every plan that was run is in the answer, once, in the order
 * in which it was.
 */
export async function searchPlans<T>(
  layers: readonly LayerNoise[],
  start: readonly Found<T>[],
  { most, run, onSize, runs = () => Infinity }: SearchSettings<T>,
): Promise<{ found: Found<T>[]; stopped: boolean }> {
  const found = [...start];
  const names = new Set(start.map(({ choices }) => planName(choices)));
  const sized = (size: number) =>
    found.filter((f) => f.choices.length === size).sort((a, b) => a.noise - b.noise);
  const errors = new PlanErrors(layers);
  /** The number of each plan among those that tell of errors, in the order of `found`. */
  const learned = start.map(({ choices, noise }) => errors.add(choices, noise));
  /** The most promising of some plans by what is known. */
  const first = (plans: readonly PlannedLayer[][], most: number) =>
    plans
      .map((choices) => ({ choices, expected: errors.expected(choices) }))
      .sort((a, b) => a.expected - b.expected)
      .slice(0, most)
      .map(({ choices }) => choices);
  let left = Infinity;
  /** Null where the plan was run before, or is none; false where the time is over. */
  const attempt = async (choices: PlannedLayer[]) => {
    const name = planName(choices);
    if (names.has(name)) return null;
    const tried = await run(choices);
    if (tried === null) return false;
    names.add(name);
    if (!tried) return null;
    left--;
    found.push({ choices, expected: null, ...tried });
    learned.push(errors.add(choices, tried.noise));
    return tried;
  };
  /** Tries what can follow a plan; false where the time is over. */
  const goOn = async ({ choices, noise }: Found<T>, most: number, room: number) => {
    const single = nextSteps(layers, choices, noise, Infinity).map((s) => [...choices, s.choice]);
    const groups = nextGroups(layers, choices, noise, room).map((g) => [...choices, ...g.added]);
    for (const next of [...first(single, most), ...first(groups, GROUPS)])
      if ((await attempt(next)) === false) return false;
    return true;
  };
  const ended = (stopped: boolean) => {
    const expected = errors.withoutThem();
    for (const [i, plan] of found.entries()) {
      const at = learned[i]!;
      if (i >= start.length)
        plan.expected = at === null ? errors.expected(plan.choices) : expected[at]!;
    }
    return { found, stopped };
  };
  /** What the search begins with stays out of INT8. */
  const holds = (choices: readonly PlannedLayer[]) =>
    start[0]!.choices.every(({ layer }) => choices.some((c) => c.layer === layer));

  const limit = Math.min(most, layers.length - 1);
  let least = Infinity;
  let idle = 0;
  for (let size = 0; size < limit; size++) {
    const parents = sized(size);
    if (parents.length === 0) continue;
    idle = parents[0]!.noise > least * (1 - LEAST_GAIN) ? idle + 1 : 0;
    least = Math.min(least, parents[0]!.noise);
    // a plan that has more layers already waits for its turn
    if (idle >= PATIENCE && !found.some((f) => f.choices.length > size)) break;
    left = runs(size);
    for (const [rank, parent] of parents.slice(0, BEAM).entries()) {
      if (rank > 0 && left < FEWEST) break;
      if (!(await goOn(parent, Math.max(FEWEST, left - GROUPS), limit - size))) return ended(true);
    }
    const [best] = sized(size + 1);
    const fewer = best ? withoutOne(layers, best.choices, best.noise) : [];
    for (const { choices } of fewer.filter((f) => holds(f.choices)).slice(0, BACK))
      if ((await attempt(choices)) === false) return ended(true);
    await onSize?.(size + 1);
  }
  return ended(false);
}

/** The best plan of every number of layers that no smaller plan is better than. */
export function bestBySize<T>(found: readonly Found<T>[]): Found<T>[] {
  const best: Found<T>[] = [];
  const ordered = [...found].sort(
    (a, b) => a.choices.length - b.choices.length || a.noise - b.noise,
  );
  for (const plan of ordered) {
    const last = best.at(-1);
    if (!last || (plan.choices.length > last.choices.length && plan.noise < last.noise))
      best.push(plan);
  }
  return best;
}

/** The same for the same choices, whatever their order. */
export function planName(choices: readonly PlannedLayer[]): string {
  return choices
    .map((c) => `${c.precision} ${c.layer}`)
    .sort()
    .join('\n');
}
