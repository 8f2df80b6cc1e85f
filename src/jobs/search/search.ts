/** The search for the best quantization of a model on this machine, within a time. */
import { decideAmong, limitsText, reasonFor, ruleOf, shortfallText } from '../../analyze/choose';
import {
  accuracyRule,
  closenessOf,
  closerHalf,
  rungsOf,
  surelyNotFaster,
  surelySlower,
  whyFloat32,
} from '../../analyze/search';
import type { LimitResult, SearchCandidate, SearchTry } from '../../results';
import { sampleCount, whatFp32Misses } from '../comparison';
import type { JobContext } from '../context';
import {
  combined,
  firstCandidates,
  notTried,
  varied,
  variationsOf,
  type SearchFacts,
} from './candidates';
import type { Entry, Journal } from './journal';
import { judged } from './judge';
import { plannedCandidates } from './planned';
import { Trials, type SearchTask } from './trials';

/** Variations are tried for this share of the time before layers are looked at, and for the second share after that. */
const VARIATIONS_UNTIL = [0.6, 0.95] as const;
/** A plan has this share of the time that is left. */
const PLAN_SHARE = 0.6;
/** Changes that gain fewer dB are not combined. */
const LEAST_GAIN_DB = 0.1;
/** Candidates of the same kernels that come to the last comparison. */
const FINALISTS = 2;
/** Layers taken out of INT8 may make up for what is slower than FP32 by no more than this. */
const NEARLY_AS_FAST = 0.8;

/** What a search found: all tries, and the one to take. */
export interface Found {
  tries: SearchTry[];
  chosen: SearchTry | null;
  reason: string;
  rule: string;
  missed: string | null;
  /** The time was over before all was tried. */
  stopped: boolean;
}

/**
 * Tries candidates, the most promising first, and drops what cannot win any more:
 *
 * 1. one candidate for each way to quantize, compared on few samples and timed;
 * 2. variations of those that may be the fastest (they run the same kernels as a rule, and are not timed again then);
 * 3. of those with the same kernels the closer half goes on to more samples, and so on up to all;
 * 4. layers of the best are taken out of INT8, as a plan says;
 * 5. what would be chosen is timed once more, and has to hold.
 *
 * What the journal knows costs nothing, so that a search which was cut off, or gets more time, goes on where it was.
 */
export class Search {
  private readonly trials: Trials;
  private readonly rungs: number[];
  /** Why candidates go no further, by name. */
  private readonly lost = new Map<string, string>();
  private stopped = false;
  /** The candidate at work. */
  now = '';

  constructor(
    private readonly task: SearchTask,
    private readonly facts: SearchFacts,
    private readonly budgetSeconds: number,
    private readonly context: JobContext,
    private readonly journal: Journal,
  ) {
    this.trials = new Trials(task, context, journal);
    const { evaluation } = task.samples;
    const most = evaluation?.indices.length ?? 1;
    this.rungs = rungsOf(evaluation ? Math.min(most, sampleCount(task.subject)) : 1);
  }

  async run(): Promise<Found> {
    try {
      for (const candidate of firstCandidates(this.facts)) await this.enter(candidate);
      for (const share of VARIATIONS_UNTIL) {
        await this.tryVariations(share);
        await this.compareOnMore();
        if (share === VARIATIONS_UNTIL[0]) await this.tryPlans();
      }
      await this.confirm();
    } finally {
      await this.trials.release();
    }
    this.journal.complete = !this.stopped;
    await this.journal.save();
    return this.decide();
  }

  /** Compares a candidate on few samples (or so many) and times it. @returns false where the time is over or it failed */
  private async enter(
    candidate: SearchCandidate,
    share = 1,
    count = this.rungs[0]!,
  ): Promise<boolean> {
    if (!this.may(candidate, count, share)) return false;
    this.now = candidate.name;
    await this.trials.compare(candidate, count);
    await this.trials.time(candidate);
    return !this.journal.of(candidate).failure;
  }

  /** True where there is time for a step, or it costs none since the journal knows it. */
  private may({ name }: SearchCandidate, count: number, share = 1): boolean {
    const known = this.journal.entries.get(name);
    if (known?.failure) return true;
    const timed = known && this.trials.timedAs(known) !== null;
    if (timed && known.compared.some(({ samples }) => samples >= count)) return true;
    if (this.journal.seconds < this.budgetSeconds * share) return true;
    this.stopped = true;
    return false;
  }

  private async tryVariations(share: number): Promise<void> {
    const { facts, journal } = this;
    for (const base of this.worthVarying()) {
      const before = this.judge(base);
      const gains: Parameters<typeof combined>[0][number][] = [];
      for (const variation of variationsOf(base.candidate, facts)) {
        if (variation.rescue && before.misses === null) continue;
        const candidate = varied(base.candidate, [variation]);
        if (!(await this.enter(candidate, share))) continue;
        const after = this.judge(journal.of(candidate));
        if (surelyNotFaster(after) || surelySlower(after, [{ ...before, misses: null }])) continue;
        gains.push({
          variation,
          gain: this.firstCloseness(journal.of(candidate)) - this.firstCloseness(base),
        });
      }
      const together = combined(gains, LEAST_GAIN_DB);
      if (together.length > 1) await this.enter(varied(base.candidate, together), share);
    }
  }

  /** Closeness on the samples that all candidates were compared on. */
  private firstCloseness({ compared }: Entry): number {
    return compared[0] ? closenessOf(compared[0]) : -Infinity;
  }

  /** First candidates that may be the fastest, the faster ones first; what the others lack is said. */
  private worthVarying(): Entry[] {
    const names = new Set(firstCandidates(this.facts).map(({ name }) => name));
    const all = [...this.journal.entries.values()].filter(
      ({ candidate, failure, compared }) =>
        names.has(candidate.name) && !failure && compared.length > 0,
    );
    const trials = all.map((entry) => this.judge(entry));
    const fp32Misses = this.fp32Misses();
    const worth = all.filter((entry, i) => {
      const trial = trials[i]!;
      if (fp32Misses.length === 0 && surelyNotFaster(trial)) {
        this.lost.set(entry.candidate.name, `${speedOf(trial)}: not faster than FP32 here`);
        return false;
      }
      return trial.latency !== null && !surelySlower(trial, trials);
    });
    const speed = (entry: Entry) => this.judge(entry).latency?.speedup ?? 0;
    return worth.sort((a, b) => speed(b) - speed(a));
  }

  /** Comparison after comparison on more samples, with the closer half of those that run the same kernels. */
  private async compareOnMore(): Promise<void> {
    const last = this.rungs.at(-1)!;
    for (let rung = Math.min(1, this.rungs.length - 1); rung < this.rungs.length; rung++) {
      const count = this.rungs[rung]!;
      const before = this.rungs[Math.max(0, rung - 1)]!;
      for (const group of this.byKernels()) {
        const shown = group.map((trial) => this.comparedOn(trial, before));
        const kept = closerHalf(shown, count === last ? FINALISTS : Infinity);
        for (const trial of shown) {
          if (kept.includes(trial)) continue;
          const closer = `${kept[0]!.name} has ${closenessText(kept[0]!)} with the same kernels`;
          this.lost.set(
            trial.name,
            `${closenessText(trial)} on ${before} samples, where ${closer}`,
          );
          await this.trials.drop(trial);
        }
        for (const trial of kept) {
          if (!this.may(trial, count)) continue;
          this.now = trial.name;
          await this.trials.compare(trial, count);
        }
      }
    }
  }

  /** A try as it compared on so many samples, so that all are judged by the same ones. */
  private comparedOn(trial: SearchTry, count: number): SearchTry {
    const then = this.journal.of(trial).compared.find(({ samples }) => samples === count);
    return then ? { ...trial, worstDb: then.worstDb, agreement: then.agreement } : trial;
  }

  /** What is still in, in groups that run the same kernels. */
  private byKernels(): SearchTry[][] {
    const groups = new Map<string, SearchTry[]>();
    for (const trial of this.remaining()) {
      const key = trial.timedAs ?? trial.name;
      groups.set(key, [...(groups.get(key) ?? []), trial]);
    }
    return [...groups.values()];
  }

  private remaining(): SearchTry[] {
    return this.allTries().filter(
      ({ name, failure, samples, latency }) =>
        failure === null && samples > 0 && latency !== null && !this.lost.has(name),
    );
  }

  /**
   * Times what would be chosen once more, until what is chosen was: the fastest of several is likely to have been lucky, and a
   * time that it was not picked by is not.
   */
  private async confirm(): Promise<void> {
    for (;;) {
      const winner = this.winner();
      if (!winner) return;
      this.now = winner.name;
      if (!(await this.trials.confirm(winner))) return;
    }
  }

  private winner(): SearchTry | null {
    return decideAmong(this.finalists(), ({ name }) => name, 'try', this.fp32Misses()).winner;
  }

  private fp32Misses(): LimitResult[] {
    return whatFp32Misses(this.task.plan, [...this.journal.entries.values()]);
  }

  private async tryPlans(): Promise<void> {
    const from = this.bestToPlan();
    const left = this.budgetSeconds - this.journal.seconds;
    if (!from || !this.task.samples.evaluation) return;
    if (!this.journal.plans.has(from.name)) {
      if (left <= 0) {
        this.stopped = true;
        return;
      }
      this.now = `layers of ${from.name}`;
    }
    const { plans } = this.journal;
    const choices =
      plans.get(from.name) ??
      (await plannedCandidates(
        this.task,
        await this.trials.plan(from),
        left * PLAN_SHARE,
        this.context,
      ));
    plans.set(from.name, choices);
    await this.journal.save();
    for (const layers of choices) {
      const named = (precision: 'float32' | 'int16') =>
        layers.filter((l) => l.precision === precision).map(({ layer }) => layer);
      const candidate: SearchCandidate = {
        name: `${from.name}, out of INT8: ${layers.map(({ layer }) => layer).join(' ')}`,
        mode: from.mode,
        quantization: from.quantization,
        keep: [...from.keep, ...named('float32')],
        wide: [...from.wide, ...named('int16')],
      };
      await this.enter(candidate, 1, this.rungs.at(-1));
    }
  }

  /** What a plan begins with: what would be chosen now, or else the closest that is nearly as fast as FP32. */
  private bestToPlan(): SearchTry | null {
    const trials = this.remaining().filter(({ mode }) => mode === 'static' || mode === 'dynamic');
    const winner = this.winner();
    if (winner && trials.some(({ name }) => name === winner.name)) return winner;
    const near = trials.filter(({ latency }) => latency!.speedup >= NEARLY_AS_FAST);
    if (winner || near.length === 0) return null;
    return near.reduce((a, b) => (closenessOf(b) > closenessOf(a) ? b : a));
  }

  /** Those that were compared on most samples. */
  private finalists(): SearchTry[] {
    const all = this.remaining();
    const most = Math.max(0, ...all.map(({ samples }) => samples));
    const last = all.filter(({ samples }) => samples === most);
    return last.some(({ misses }) => misses === null) ? last : all;
  }

  private judge(entry: Entry): SearchTry {
    return judged(entry, this.trials.timedAs(entry), this.task);
  }

  private allTries(): SearchTry[] {
    return [...this.journal.entries.values()].map((entry) => this.judge(entry));
  }

  private decide(): Found {
    const { facts } = this;
    const fp32Misses = this.fp32Misses();
    const limits = Object.keys(this.task.plan.recipe.limits);
    const winner = this.winner();
    const tries = this.allTries().map((trial) => this.settled(trial, winner));
    const shown = representatives(tries, winner);
    const reason = winner
      ? reasonFor(winner, shown, ({ name }) => name, 'try', fp32Misses)
      : whyFloat32(shown, ({ name }) => name);
    const rules = [ruleOf(tries, limits), accuracyRule(limits)].filter((r) => r !== null);
    return {
      tries: [...tries, ...notTried(facts).map(skipped)],
      chosen: tries.find(({ state }) => state === 'chosen') ?? null,
      reason,
      rule: rules.join(' '),
      missed: missedBy(winner, fp32Misses),
      stopped: this.stopped,
    };
  }

  /** A try with what became of it. */
  private settled(trial: SearchTry, winner: SearchTry | null): SearchTry {
    if (trial.name === winner?.name) return { ...trial, state: 'chosen' };
    if (trial.failure) return { ...trial, state: 'failed', why: trial.failure.message };
    const lost = this.lost.get(trial.name);
    if (lost !== undefined) return { ...trial, state: 'dropped', why: lost };
    if (trial.samples === 0 || !trial.latency)
      return { ...trial, state: 'skipped', why: 'the time was over before it was measured' };
    const why =
      trial.misses !== null
        ? `not good enough: ${shortfallText(trial)}`
        : !winner
          ? `${speedOf(trial)}: not faster than FP32 here`
          : trial.latency.speedup > winner.latency!.speedup
            ? `as fast as what was chosen within what measuring is sure of, and not as close to FP32`
            : `${speedOf(trial)}, ${closenessText(trial)}: what was chosen is faster, or as fast and closer to FP32`;
    return { ...trial, state: 'kept', why };
  }
}

/** That nothing meets the limits, neither what was tried nor FP32; null where something does. */
function missedBy(winner: SearchTry | null, fp32Misses: readonly LimitResult[]): string | null {
  if (fp32Misses.length === 0 || (winner && winner.misses === null)) return null;
  return `nothing that was tried meets the limits, nor does FP32, which misses ${limitsText(fp32Misses)}`;
}

/** The winner and the fastest try of every other mode: what a sentence can tell of. */
function representatives(tries: readonly SearchTry[], winner: SearchTry | null): SearchTry[] {
  const best = new Map<string, SearchTry>();
  for (const trial of tries) {
    if (trial.mode === winner?.mode || !trial.latency) continue;
    const before = best.get(trial.mode);
    if (!before || trial.latency.speedup > before.latency!.speedup) best.set(trial.mode, trial);
  }
  return [...(winner ? [winner] : []), ...best.values()];
}

function skipped({ name, mode, why }: ReturnType<typeof notTried>[number]): SearchTry {
  const nothing = { bytes: null, int8MacShare: null, worstDb: null, accuracy: null };
  const more = { agreement: null, latency: null, misses: null, failure: null, timedAs: null };
  const candidate = { name, mode, quantization: { mode }, keep: [], wide: [] };
  return { ...candidate, ...nothing, ...more, samples: 0, seconds: 0, state: 'skipped', why };
}

const speedOf = ({ latency }: SearchTry) =>
  `${latency!.speedup.toFixed(2)} × (${latency!.low.toFixed(2)} … ${latency!.high.toFixed(2)})`;

const closenessText = ({ worstDb, agreement }: SearchTry) =>
  worstDb !== null
    ? `${worstDb.toFixed(1)} dB`
    : agreement
      ? `${(agreement.value * 100).toFixed(1)} % of the labels`
      : 'no closeness';
