/** Which of the plans that were run to take. */
import { isCloser } from '../../analyze/choose';
import { WORTH_A_LAYER_DB, worthwhile } from '../../analyze/mixed-precision';
import type { LimitResult } from '../../results';
import type { MixedPlan, PlannedLayer } from '../../results-mixed';
import type { Study } from '../study';
import type { Timing } from './timing';

/** What the choice is made from. */
export interface Choice {
  study: Study;
  /** All plans that were run; the first has all layers as the recipe says. */
  plans: readonly MixedPlan[];
  /** The best of each number of layers, fewest first, from the one on with which the search began. */
  chain: readonly MixedPlan[];
  /** All that the search ran, with what it began with. */
  searched: readonly MixedPlan[];
  /** So many layers a plan may have out of INT8. */
  most: number;
  /** The plan that has what is slower in INT8 here in FP32, where one was tried. */
  faster: MixedPlan | null;
  timing: Timing;
  timed: boolean;
  /** True when the time is over. */
  over: () => boolean;
}

export interface Chosen {
  plan: MixedPlan;
  reason: string;
}

/** SQNR on the samples of the search may be so far from that on all of them. */
const SLACK_DB = 0.5;

/**
 * The plan to take: with limits the one of fewest layers that meets them all, or that which misses fewest and by least;
 * without, as far along the chain as a layer is worth it.
 */
export async function choose(choice: Choice): Promise<Chosen> {
  return Object.keys(choice.study.plan.recipe.limits).length > 0
    ? withLimits(choice)
    : withoutLimits(choice);
}

/** Plans are checked as files on the whole evaluation set, those first of which it is known that they may do. */
async function withLimits({ study, plans, chain, faster, timing, over }: Choice): Promise<Chosen> {
  const { limits } = study.plan.recipe;
  const fp32 = await timing.sourceBytes();
  const likely = (p: MixedPlan) =>
    (limits.size_ratio === undefined || p.bytes / fp32 <= limits.size_ratio) &&
    (limits.sqnr_db === undefined || p.measured.sqnrDb >= limits.sqnr_db - SLACK_DB);
  const candidates = plans.filter(
    (p) => p === plans[0] || p === faster || p.pareto || chain.includes(p),
  );
  const order = candidates
    .map((plan) => ({ plan, likely: likely(plan) }))
    .sort(
      (a, b) =>
        Number(b.likely) - Number(a.likely) ||
        (a.likely ? 1 : -1) * (a.plan.choices.length - b.plan.choices.length) ||
        b.plan.measured.sqnrDb - a.plan.measured.sqnrDb,
    );
  let closest: MixedPlan | null = null;
  let hopeless = 0;
  for (const { plan, likely: may } of order) {
    if (closest && (over() || (!may && ++hopeless > HOPELESS))) break;
    await timing.check(plan, true);
    if (missing(plan).length === 0) {
      const unknown = plan.limits.filter(({ met }) => met === null).map(({ limit }) => limit);
      const but = unknown.length > 0 ? `; not measured: ${unknown.join(', ')}` : '';
      return { plan, reason: `it meets the limits with ${count(plan)} out of INT8${but}` };
    }
    if (!closest || isCloser(missing(plan), missing(closest))) closest = plan;
  }
  const missed = missing(closest!).map((l) => `${l.limit} is ${short(l.got!)}, wanted ${l.wanted}`);
  return {
    plan: closest!,
    reason: `no plan that was tried meets the limits; closest, with ${count(closest!)} out of INT8: ${missed.join(', ')}`,
  };
}

/** So many plans are checked that cannot meet a limit, to find the closest. */
const HOPELESS = 3;

async function withoutLimits(choice: Choice): Promise<Chosen> {
  const { chain, timing, timed, over } = choice;
  const at = worthwhile(
    chain.map((p) => p.measured.sqnrDb),
    chain.map((p) => p.choices.length),
  );
  const plan = chain[at]!;
  if (timed && !over()) await timing.check(plan, true);
  return { plan, reason: worthOf(plan, choice) };
}

/** What a plan of the chain brings, and of a further layer that it brings too little, or that it was not tried. */
export function worthOf(
  plan: MixedPlan,
  {
    chain,
    plans,
    searched,
    most,
    faster,
  }: Pick<Choice, 'chain' | 'plans' | 'searched' | 'most' | 'faster'>,
): string {
  const [first] = chain;
  const here =
    first === faster && first.choices.length > 0
      ? `${count(first)} ${first.choices.length === 1 ? 'is' : 'are'} faster in FP32 here; `
      : '';
  const tried = searched.some((other) => goesOn(other, plan));
  const limit = plan.choices.length < most ? '' : `: a plan may have no more than ${most} here`;
  const further = tried
    ? `no further one that was tried brings ${WORTH_A_LAYER_DB} dB`
    : `a further one was not tried${limit}`;
  if (plan !== first) {
    const brings = plan.choices.length === 1 ? 'brings' : 'bring';
    const gain = (plan.measured.sqnrDb - plans[0]!.measured.sqnrDb).toFixed(1);
    return `${here}${count(plan)} out of INT8 ${brings} ${gain} dB; ${further}`;
  }
  if (here) return `${here}${further}`;
  return tried
    ? `no layer out of INT8 that was tried brings ${WORTH_A_LAYER_DB} dB`
    : 'no layer was tried out of INT8';
}

/** True where a plan has all of another and more out of INT8. */
function goesOn(plan: MixedPlan, from: MixedPlan): boolean {
  const has = (choice: PlannedLayer) =>
    plan.choices.some((c) => c.layer === choice.layer && c.precision === choice.precision);
  return plan.choices.length > from.choices.length && from.choices.every(has);
}

function missing(plan: MixedPlan): LimitResult[] {
  return plan.limits.filter(({ met }) => met === false);
}

const count = ({ choices }: MixedPlan) =>
  choices.length === 1 ? '1 layer' : `${choices.length} layers`;

const short = (value: number) => String(Number(value.toPrecision(4)));
