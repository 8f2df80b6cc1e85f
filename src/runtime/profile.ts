/** Times of single nodes, from the runtime's own profile. */
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { VernierError } from '../errors';
import type { Feed } from '../onnx';
import type { LatencySettings } from './latency';
import { Session } from './session';

/** One node of the graph that the runtime executes. */
export interface TimedNode {
  /** Its name, or `Operator_index` where the graph has none for it. */
  name: string;
  op: string;
  /** Milliseconds of each run; all rounds of a loop together, without the nodes of the bodies in it. */
  ms: number[];
}

/** What a profile says of a model. Times are whole microseconds in it. */
export interface NodeTimes {
  /** Milliseconds of each run as a whole. */
  runs: number[];
  /** In the order in which they first ran. */
  nodes: TimedNode[];
}

/** Both models of a pair; run i of both was measured one after the other. */
export interface ProfiledPair {
  reference: NodeTimes;
  candidate: NodeTimes;
  threads: number;
}

/** So many events are written and read per model: a node makes one a run. */
const MOST_EVENTS = 100_000;
const FEWEST_RUNS = 6;
const WARM_UP = 3;

/**
 * Runs two models in turn as {@link measurePairs} does, with the runtime's profiler on, which costs about a microsecond a
 * node. `settings.pairs` is the most; fewer where that would take more than 100,000 events or four times `settings.seconds`.
 * Call it in a process of its own.
 * @param nodes number of nodes of the larger graph
 */
export async function profilePair(
  reference: string | Uint8Array,
  candidate: string | Uint8Array,
  feed: Feed,
  settings: LatencySettings,
  nodes: number,
): Promise<ProfiledPair> {
  const folder = await mkdtemp(path.join(tmpdir(), 'vernier-profile-'));
  try {
    const open = (file: string | Uint8Array, name: string) =>
      Session.open(file, {
        threads: settings.threads,
        profilePrefix: path.join(folder, `${name}-`),
      });
    const a = await open(reference, 'reference');
    const b = await open(candidate, 'candidate');
    try {
      const most = Math.min(settings.pairs, Math.ceil(MOST_EVENTS / Math.max(1, nodes)));
      const start = performance.now();
      for (let i = 0; i < WARM_UP + Math.max(FEWEST_RUNS, most); i++) {
        if (i >= WARM_UP + FEWEST_RUNS && performance.now() - start > 4000 * settings.seconds)
          break;
        for (const session of i % 2 === 0 ? [a, b] : [b, a]) await session.run(feed);
      }
    } finally {
      a.endProfiling();
      b.endProfiling();
      await a.release();
      await b.release();
    }
    return {
      reference: await readWritten(folder, 'reference-'),
      candidate: await readWritten(folder, 'candidate-'),
      threads: settings.threads,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The profile of that prefix: the binding does not tell its name, which ends in the time. */
async function readWritten(folder: string, prefix: string): Promise<NodeTimes> {
  const name = (await readdir(folder)).find((file) => file.startsWith(prefix));
  if (name === undefined)
    throw new VernierError('internal', 'onnxruntime wrote no profile.', { file: folder });
  return readProfile(path.join(folder, name), WARM_UP);
}

interface ProfileEvent {
  cat: string;
  name: string;
  ts: number;
  dur: number;
  args?: { op_name?: string };
}

/** Nodes that hold bodies: the time of the nodes in these is within theirs. */
const HOLDERS = new Set(['If', 'Loop', 'Scan']);

/**
 * Reads a profile, one event a line, in the order in which they ended.
 * @param skip first runs that do not count
 */
export async function readProfile(file: string, skip = 0): Promise<NodeTimes> {
  const runs: number[] = [];
  const nodes = new Map<string, TimedNode>();
  let events: ProfileEvent[] = [];
  let seen = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const text = line.trim().replace(/,$/, '');
    if (!text.startsWith('{')) continue;
    const event = JSON.parse(text) as ProfileEvent;
    if (event.cat === 'Node' && event.name.endsWith('_kernel_time')) events.push(event);
    if (event.cat !== 'Session' || event.name !== 'model_run') continue;
    if (++seen > skip) {
      addRun(nodes, events, runs.length);
      runs.push(event.dur / 1000);
    }
    events = [];
  }
  for (const { ms } of nodes.values()) while (ms.length < runs.length) ms.push(0);
  return { runs, nodes: [...nodes.values()] };
}

/** Adds the events of run number `run`; a node that runs several times in it adds up. */
function addRun(nodes: Map<string, TimedNode>, events: readonly ProfileEvent[], run: number): void {
  /** Events without the ones around them yet, in the order in which they ended. */
  const open: ProfileEvent[] = [];
  const times = new Map<ProfileEvent, number>();
  for (const event of events) {
    let own = event.dur;
    if (HOLDERS.has(event.args?.op_name ?? ''))
      while (open.length > 0 && open.at(-1)!.ts >= event.ts) own -= open.pop()!.dur;
    open.push(event);
    times.set(event, Math.max(0, own));
  }
  for (const event of [...events].sort((a, b) => a.ts - b.ts)) {
    const name = event.name.slice(0, -'_kernel_time'.length);
    const op = event.args?.op_name ?? '';
    const key = `${op} ${name}`;
    let node = nodes.get(key);
    if (!node) nodes.set(key, (node = { name, op, ms: [] }));
    while (node.ms.length <= run) node.ms.push(0);
    node.ms[run]! += times.get(event)! / 1000;
  }
}
