import { fork } from 'node:child_process';
import { latencyResult } from '../../analyze/latency';
import { toErrorData, VernierError, type ErrorData } from '../../errors';
import type { Feed } from '../../onnx';
import { measurePairs, type LatencyPairs, type LatencySettings } from '../../runtime/latency';
import type { LatencyResult } from '../../results';

/** What the timing process is told. */
export interface LatencyTask {
  reference: string;
  candidate: string;
  feed: Feed;
  settings: LatencySettings;
}

type Answer = { ok: LatencyPairs } | { error: ErrorData };

/** Argument that makes the worker's bundle the timing process. */
export const LATENCY_FLAG = '--latency';

/** Timing processes one after the other: how fast a session is varies more from process to process than within one. */
const PROCESSES = 3;

/**
 * Measures both models in processes of their own, where only they are alive (DESIGN §4.14).
 * @param bundle the worker's own file; @param onProcess called after each process
 */
export async function latencyStage(
  bundle: string,
  task: LatencyTask,
  onProcess?: (done: number, total: number) => Promise<void>,
): Promise<LatencyResult> {
  const { pairs, seconds, threads } = task.settings;
  const settings = {
    threads,
    pairs: Math.ceil(pairs / PROCESSES),
    seconds: seconds / PROCESSES,
  };
  const runs: LatencyPairs[] = [];
  for (let i = 0; i < PROCESSES; i++) {
    runs.push(await timingProcess(bundle, { ...task, settings }));
    await onProcess?.(i + 1, PROCESSES);
  }
  return latencyResult(runs);
}

function timingProcess(bundle: string, task: LatencyTask): Promise<LatencyPairs> {
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
    child.once('message', (answer: Answer) => {
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
  process.once('message', (task: LatencyTask) => {
    measurePairs(task.reference, task.candidate, task.feed, task.settings)
      .then((ok): Answer => ({ ok }))
      .catch((error: unknown): Answer => ({ error: toErrorData(error) }))
      .then((answer) => process.send!(answer))
      .catch(() => process.exit(1));
  });
}
