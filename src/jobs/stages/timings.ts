import { hostname } from 'node:os';
import type { LatencyPairs } from '../../runtime/latency';
import type { ProfiledPair } from '../../runtime/profile';
import { runtimeVersion } from '../../runtime/session';
import { contentKey, ENGINE_VERSION, feedsHash, keyOf, processor } from '../keys';
import type { Store } from '../store';
import type { Subject } from '../subject';
import type { KeptRuns, LatencyTask } from './latency';

/** Older timings are of a machine in another state: warmer, or busy with something else. */
const GOOD_FOR_MS = 10 * 60_000;
/** The state in which they are stored: of one job, which forgets it when it is done. */
const NAME = 'timings';

/** What timing processes measured of one pair of models. */
interface Blocks {
  /** Pairs of each process that came to its end. */
  runs: LatencyPairs[];
  profile: ProfiledPair | null;
  /** Milliseconds since 1970 of the last of them. */
  at: number;
}

/** What timings are for: a second opinion on the same pair is no use if it is the first one. */
export type TimingPurpose = 'run' | 'plan' | 'choose' | 'search' | 'confirm';

/**
 * Timings that an earlier attempt at the same job made before it was cut off, process by process.
 *
 * A process is all or nothing. How fast a session is varies from process to process, which is why there are several and the
 * interval holds that of each: one that came to its end is such a draw whether or not the worker lived on, compares both models
 * under the same conditions, and says nothing about the next one. Pairs of a process that was cut off do not count: it may have
 * been killed *because* the machine was slow then, and shorter processes would weigh less. So up to one process's time (a third
 * of the recipe's seconds, or of its pairs) is lost where a worker is killed while it measures.
 */
export class Timings implements KeptRuns {
  private constructor(
    private readonly store: Store,
    private readonly all: Map<string, Blocks>,
    private readonly blocks: Blocks,
  ) {}

  static async open(
    store: Store,
    purpose: TimingPurpose,
    { key }: Subject,
    { candidate, feed, settings }: Omit<LatencyTask, 'reference'>,
  ): Promise<Timings> {
    const own = keyOf(
      ...[ENGINE_VERSION, runtimeVersion(), hostname(), processor(), purpose, key, settings],
      ...[await contentKey(candidate), feedsHash([feed])],
    );
    const all = (await store.readState<Map<string, Blocks>>(NAME)) ?? new Map<string, Blocks>();
    for (const [each, { at }] of all) if (Date.now() - at > GOOD_FOR_MS) all.delete(each);
    const blocks = all.get(own) ?? { runs: [], profile: null, at: 0 };
    all.set(own, blocks);
    return new Timings(store, all, blocks);
  }

  /** A job that is done has them in its result, and the next one measures anew. */
  static forget(store: Store): Promise<void> {
    return store.removeState(NAME);
  }

  get runs(): readonly LatencyPairs[] {
    return this.blocks.runs;
  }

  get profile(): ProfiledPair | null {
    return this.blocks.profile;
  }

  addRun(run: LatencyPairs): Promise<void> {
    this.blocks.runs.push(run);
    return this.save();
  }

  setProfile(profile: ProfiledPair): Promise<void> {
    this.blocks.profile = profile;
    return this.save();
  }

  private save(): Promise<void> {
    this.blocks.at = Date.now();
    return this.store.writeState(NAME, this.all);
  }
}
