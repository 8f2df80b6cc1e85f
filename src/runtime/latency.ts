/** Timing two models against each other in one process, pair by pair. */
import { performance } from 'node:perf_hooks';
import type { Feed } from '../onnx';
import { Session, type SessionSettings } from './session';

/** How long and how often. */
export interface LatencySettings {
  /** Intra-op threads of both sessions; 0 is the runtime's default. */
  threads: number;
  /** At least this many pairs, */
  pairs: number;
  /** and at least this many seconds, whichever is reached last; never more than four times as long. */
  seconds: number;
  /** What else the sessions are opened with, where they differ in more than their files. */
  sessions?: { reference?: Optimizing; candidate?: Optimizing };
}

/** How far the runtime optimizes. */
export type Optimizing = Pick<SessionSettings, 'optimization' | 'withoutOptimizers'>;

/** Milliseconds of each run; entry i of both was measured one after the other. */
export interface LatencyPairs {
  reference: number[];
  candidate: number[];
  threads: number;
}

/**
 * Runs two models in turn, swapping who goes first, after three runs of each that do not count.
 * Only these two sessions are alive (DESIGN §4.14): call it in a process of its own.
 */
export async function measurePairs(
  reference: string | Uint8Array,
  candidate: string | Uint8Array,
  feed: Feed,
  settings: LatencySettings,
): Promise<LatencyPairs> {
  const { threads, sessions = {} } = settings;
  const a = await Session.open(reference, { ...sessions.reference, threads });
  const b = await Session.open(candidate, { ...sessions.candidate, threads });
  const feeds = new Map([a, b].map((session) => [session, session.fit(feed)]));
  const time = async (session: Session): Promise<number> => {
    const fitted = feeds.get(session)!;
    const start = performance.now();
    await session.run(fitted);
    return performance.now() - start;
  };
  const result: LatencyPairs = { reference: [], candidate: [], threads };
  try {
    for (let i = 0; i < 3; i++) {
      await time(a);
      await time(b);
    }
    const start = performance.now();
    for (let i = 0; ; i++) {
      const elapsed = (performance.now() - start) / 1000;
      if (i >= settings.pairs && elapsed >= settings.seconds) break;
      if (elapsed >= 4 * settings.seconds && i >= 5) break;
      if (i % 2 === 0) {
        result.reference.push(await time(a));
        result.candidate.push(await time(b));
      } else {
        result.candidate.push(await time(b));
        result.reference.push(await time(a));
      }
    }
  } finally {
    await a.release();
    await b.release();
  }
  return result;
}
