import { fork } from 'node:child_process';
import { latencyResult } from '../../analyze/latency';
import { toErrorData, VernierError, type ErrorData } from '../../errors';
import type { Feed } from '../../onnx';
import { measurePairs, type LatencyPairs, type LatencySettings } from '../../runtime/latency';
import { profilePair, type ProfiledPair } from '../../runtime/profile';
import type { LatencyResult } from '../../results';

/** What the timing process is told. */
export interface LatencyTask {
  /** Files or the bytes of models. */
  reference: string | Uint8Array;
  candidate: string | Uint8Array;
  feed: Feed;
  settings: LatencySettings;
}

/** The same where it shall time single nodes: how many the larger graph has. */
export interface ProfileTask extends LatencyTask {
  nodes: number;
}

/** What processes of an earlier attempt measured, and where those of this one go. */
export interface KeptRuns {
  readonly runs: readonly LatencyPairs[];
  addRun(run: LatencyPairs): Promise<void>;
}

type Answer<T> = { ok: T } | { error: ErrorData };

/** Argument that makes the worker's bundle the timing process. */
export const LATENCY_FLAG = '--latency';

/** Timing processes one after the other: how fast a session is varies more from process to process than within one. */
export const PROCESSES = 3;

/**
 * Measures both models in processes of their own, where only they are alive (DESIGN §4.14).
 * @param bundle the worker's own file; @param onProcess called after each process
 * @param timings what counts of an earlier attempt
 */
export async function latencyStage(
  bundle: string,
  task: LatencyTask,
  onProcess?: (done: number, total: number) => Promise<void>,
  timings?: KeptRuns,
): Promise<LatencyResult> {
  const each = { ...task, settings: perProcess(task.settings) };
  const runs = [...(timings?.runs ?? [])];
  while (runs.length < PROCESSES) {
    const run = await timingProcess<LatencyPairs>(bundle, each);
    runs.push(run);
    await timings?.addRun(run);
    await onProcess?.(runs.length, PROCESSES);
  }
  return latencyResult(runs);
}

/** Times the nodes of both models in one more such process, as long as one of {@link latencyStage}. */
export function profileStage(bundle: string, task: ProfileTask): Promise<ProfiledPair> {
  return timingProcess<ProfiledPair>(bundle, { ...task, settings: perProcess(task.settings) });
}

function perProcess(settings: LatencySettings): LatencySettings {
  const { pairs, seconds } = settings;
  return { ...settings, pairs: Math.ceil(pairs / PROCESSES), seconds: seconds / PROCESSES };
}

function timingProcess<T>(bundle: string, task: LatencyTask | ProfileTask): Promise<T> {
  return new Promise((resolve, reject) => {
    const child = fork(bundle, [LATENCY_FLAG], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    // The worker may be killed at any moment; its child must not stay behind.
    const stop = () => child.kill('SIGKILL');
    process.once('exit', stop);
    const finish = () => {
      process.off('exit', stop);
      child.kill();
    };
    child.once('message', (answer: Answer<T>) => {
      finish();
      if ('ok' in answer) resolve(answer.ok);
      else reject(VernierError.fromData(answer.error));
    });
    child.once('exit', (code, signal) => {
      finish();
      reject(
        new VernierError('job.worker-died', `The timing process ended (${signal ?? code}).`, {
          remedy: 'Run it again; if it ends again, the model may need more memory.',
        }),
      );
    });
    child.send(task);
  });
}

/** The other side: waits for one task, answers, and ends; ends too when its parent is gone. */
export function serveLatency(): void {
  process.once('disconnect', () => process.exit(1));
  process.once('message', (task: LatencyTask | ProfileTask) => {
    perform(task)
      .then((ok): Answer<LatencyPairs | ProfiledPair> => ({ ok }))
      .catch((error: unknown): Answer<never> => ({ error: toErrorData(error) }))
      .then((answer) => process.send!(answer))
      .catch(() => process.exit(1));
  });
}

function perform(task: LatencyTask | ProfileTask): Promise<LatencyPairs | ProfiledPair> {
  const { reference, candidate, feed, settings } = task;
  return 'nodes' in task
    ? profilePair(reference, candidate, feed, settings, task.nodes)
    : measurePairs(reference, candidate, feed, settings);
}
