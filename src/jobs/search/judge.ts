import { shortfallOf } from '../../analyze/choose';
import { limitsAccuracy } from '../../analyze/search';
import type { ModeTrial, SearchTry } from '../../results';
import { emptyResult } from '../fill';
import { checkLimits } from '../limits';
import type { Entry } from './journal';
import type { SearchTask } from './trials';

/**
 * What an entry of the journal amounts to, on the samples that it was last compared on. Where the limits of the recipe say
 * nothing of accuracy, what holds without limits holds besides. @param timed the entry whose time is this one's, if there is one
 */
export function judged(
  entry: Entry,
  timed: Entry | null,
  { plan, subject, fp32Bytes }: Pick<SearchTask, 'plan' | 'subject' | 'fp32Bytes'>,
): SearchTry {
  const { candidate, failure, bytes, int8MacShare, seconds } = entry;
  const last = entry.compared.at(-1);
  const latency = timed?.latency ?? null;
  const measured: ModeTrial = {
    mode: candidate.mode,
    failure,
    bytes,
    int8MacShare,
    worstDb: last?.worstDb ?? null,
    accuracy: last?.accuracy ?? null,
    agreement: last?.agreement ?? null,
    latency,
    misses: null,
  };
  const { limits } = plan.recipe;
  const outputs = last?.outputs ?? [];
  const found = {
    ...emptyResult(plan, subject, plan.recipePath),
    outputs,
    sqnrDb: Object.fromEntries(outputs.map((o) => [o.name, o.sqnrDb])),
    accuracy: measured.accuracy,
    latency,
    size: bytes === null ? null : { fp32: fp32Bytes, int8: bytes, parts: [] },
  };
  const keep = !limitsAccuracy(Object.keys(limits));
  return {
    ...measured,
    ...candidate,
    ...shortfallOf(measured, checkLimits(limits, found), keep),
    samples: last?.samples ?? 0,
    timedAs: timed && timed.candidate.name !== candidate.name ? timed.candidate.name : null,
    state: 'kept',
    why: null,
    seconds,
  };
}
