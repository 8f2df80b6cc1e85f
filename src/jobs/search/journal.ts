import type {
  AccuracyResult,
  LatencyResult,
  ModeTrial,
  OutputCloseness,
  SearchCandidate,
} from '../../results';
import type { PlannedLayer } from '../../results-mixed';
import type { JobContext } from '../context';

/** How a candidate compares with FP32 on so many samples. */
export interface Compared {
  samples: number;
  outputs: OutputCloseness[];
  worstDb: number | null;
  accuracy: AccuracyResult | null;
  agreement: ModeTrial['agreement'];
}

/** All that was measured of one candidate. */
export interface Entry {
  candidate: SearchCandidate;
  failure: ModeTrial['failure'];
  bytes: number | null;
  int8MacShare: number | null;
  /** The kernels that it runs. */
  kernels: string | null;
  /** By number of samples, in ascending order. */
  compared: Compared[];
  latency: LatencyResult | null;
  /** It was timed a second time, and `latency` is that one. */
  confirmed: boolean;
  seconds: number;
}

interface Stored {
  entries: Entry[];
  plans: [from: string, choices: PlannedLayer[][]][];
  /** Seconds over all runs. */
  seconds: number;
  /** Nothing is left to try. */
  complete: boolean;
}

/**
 * What a search has measured so far, stored beside the recipe after every step: one that was cancelled or killed goes on from
 * there, by asking for the same things in the same order.
 */
export class Journal {
  readonly entries: Map<string, Entry>;
  readonly plans: Map<string, PlannedLayer[][]>;
  private readonly before: number;
  private readonly start = Date.now();
  complete: boolean;

  private constructor(
    private readonly name: string,
    private readonly store: JobContext['store'],
    stored: Stored | null,
  ) {
    this.entries = new Map(stored?.entries.map((entry) => [entry.candidate.name, entry]));
    this.plans = new Map(stored?.plans);
    this.before = stored?.seconds ?? 0;
    this.complete = stored?.complete ?? false;
  }

  static async open(key: string, { store }: JobContext): Promise<Journal> {
    const name = `search.${key}`;
    return new Journal(name, store, await store.read<Stored>(name));
  }

  /** Seconds that went into this search, over all runs. */
  get seconds(): number {
    return this.before + (Date.now() - this.start) / 1000;
  }

  /** The entry of a candidate, a new one where there is none. */
  of(candidate: SearchCandidate): Entry {
    const known = this.entries.get(candidate.name);
    if (known) return known;
    const entry: Entry = {
      candidate,
      failure: null,
      bytes: null,
      int8MacShare: null,
      kernels: null,
      compared: [],
      latency: null,
      confirmed: false,
      seconds: 0,
    };
    this.entries.set(candidate.name, entry);
    return entry;
  }

  async save(): Promise<void> {
    const { entries, plans, seconds, complete } = this;
    await this.store.write(this.name, {
      entries: [...entries.values()],
      plans: [...plans],
      seconds,
      complete,
    } satisfies Stored);
  }
}
