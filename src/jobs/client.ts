import { fork, type ChildProcess } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { VernierError } from '../errors';
import type { Progress, RunResult } from '../results';
import type { FromWorker, Requests } from './protocol';
import { Store } from './store';

/** What a caller hears while a request runs. */
export interface Listener {
  onProgress?(progress: Progress): void;
  /** A result that is useful before it is complete. */
  onPartial?(result: RunResult): void;
  /** Aborting ends the worker process: `run` of the runtime blocks its thread, so nothing else is prompt. */
  signal?: AbortSignal;
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: VernierError): void;
  listener: Listener;
  /** Files to remove if the worker does not live to do it, and the recipe whose store may hold more. */
  temporary: string[];
  recipePath: string | null;
  cleanup(): void;
}

/**
 * The client of one worker process. The process starts with the first request, lives on between requests
 * (its caches make a second run quick) and is started again after a crash or a cancel.
 */
export class JobClient {
  private child: ChildProcess | null = null;
  private nextId = 1;
  private readonly pending = new Map<number, Pending>();
  private stderr = '';

  /** @param workerPath absolute path of the bundled `worker.js` */
  constructor(private readonly workerPath: string) {}

  /** True while a request is under way. */
  get busy(): boolean {
    return this.pending.size > 0;
  }

  /** Sends a request. Rejects with a {@link VernierError}; `job.cancelled` after an abort. */
  request<M extends keyof Requests>(
    method: M,
    params: Parameters<Requests[M]>[0],
    listener: Listener = {},
  ): Promise<ReturnType<Requests[M]>> {
    return new Promise((resolve, reject) => {
      if (listener.signal?.aborted) {
        reject(new VernierError('job.cancelled', 'Cancelled before it began.'));
        return;
      }
      const child = this.ensureChild();
      const id = this.nextId++;
      const onAbort = () => this.kill(new VernierError('job.cancelled', 'Cancelled.'));
      listener.signal?.addEventListener('abort', onAbort, { once: true });
      this.pending.set(id, {
        resolve: resolve,
        reject,
        listener,
        temporary: [],
        recipePath: 'recipePath' in params ? params.recipePath : null,
        cleanup: () => listener.signal?.removeEventListener('abort', onAbort),
      });
      child.send({ id, method, params });
    });
  }

  /** Ends the worker process; pending requests fail with `reason`. */
  kill(reason = new VernierError('job.cancelled', 'The worker was ended.')): void {
    const child = this.child;
    this.child = null;
    child?.kill('SIGKILL');
    this.failAll(reason);
  }

  dispose(): void {
    this.kill();
  }

  private ensureChild(): ChildProcess {
    if (this.child) return this.child;
    this.stderr = '';
    const child = fork(this.workerPath, [], {
      serialization: 'advanced',
      // the editor's own executable behaves as Node only when told to; plain Node does not mind
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
      execArgv: [], // an inspected editor must not hand its debugger port down
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr = (this.stderr + chunk.toString()).slice(-4000);
    });
    child.on('message', (message: FromWorker) => this.onMessage(message));
    child.on('error', (error) => this.onExit(child, error.message));
    child.on('exit', (code, signal) => this.onExit(child, `exit ${signal ?? code}`));
    this.child = child;
    return child;
  }

  private onMessage(message: FromWorker): void {
    const entry = this.pending.get(message.id);
    if (!entry) return;
    switch (message.kind) {
      case 'progress':
        entry.listener.onProgress?.(message.progress);
        return;
      case 'partial':
        entry.listener.onPartial?.(message.result);
        return;
      case 'temporary':
        entry.temporary.push(message.file);
        return;
      case 'done':
        this.settle(message.id, entry);
        entry.resolve(message.value);
        return;
      case 'failed':
        this.settle(message.id, entry);
        entry.reject(VernierError.fromData(message.error));
    }
  }

  private onExit(child: ChildProcess, how: string): void {
    if (this.child !== child) return;
    this.child = null;
    const tail = this.stderr.trim().split('\n').slice(-3).join('\n');
    this.failAll(
      new VernierError(
        'job.worker-died',
        `The worker process ended (${how})${tail ? `: ${tail}` : ''}.`,
        { remedy: 'Run it again; finished stages are kept. If it ends again, use fewer samples.' },
      ),
    );
  }

  private settle(id: number, entry: Pending): void {
    this.pending.delete(id);
    entry.cleanup();
  }

  private failAll(error: VernierError): void {
    for (const [id, entry] of [...this.pending]) {
      this.settle(id, entry);
      void sweep(entry).finally(() => entry.reject(error));
    }
  }
}

/**
 * Removes what a killed worker could not. What is gone already, or cannot be removed (a system may hold it open until the
 * process is gone), is no second error: callers are told why the worker was killed.
 */
async function sweep({ temporary, recipePath }: Pending): Promise<void> {
  for (const file of temporary) {
    // Writing beside the target makes further names that begin the same.
    const folder = path.dirname(file);
    const names = await readdir(folder).catch(() => []);
    for (const name of names.filter((n) => n.startsWith(path.basename(file))))
      await rm(path.join(folder, name), { force: true, recursive: true }).catch(() => undefined);
  }
  if (recipePath !== null) await new Store(recipePath).removeTemporary();
}
