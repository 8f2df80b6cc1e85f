import { JobClient, type Listener } from '../jobs/client';
import type { Requests } from '../jobs/protocol';
import type { JobRunner } from './session/ports';

/**
 * A worker process that starts with the first request and is ended when nothing was asked of it for a
 * while: its caches make the next run quick, its memory is not kept for nothing.
 */
export class IdlingWorker implements JobRunner {
  private readonly client: JobClient;
  private timer: NodeJS.Timeout | null = null;

  /** @param idleMs how long to wait; asked each time, so that a changed setting counts at once */
  constructor(
    workerPath: string,
    private readonly idleMs: () => number,
  ) {
    this.client = new JobClient(workerPath);
  }

  async request<M extends keyof Requests>(
    method: M,
    params: Parameters<Requests[M]>[0],
    listener?: Listener,
  ): Promise<ReturnType<Requests[M]>> {
    this.stopTimer();
    try {
      return await this.client.request(method, params, listener);
    } finally {
      if (!this.client.busy) {
        this.stopTimer();
        this.timer = setTimeout(() => this.client.kill(), this.idleMs());
      }
    }
  }

  dispose(): void {
    this.stopTimer();
    this.client.dispose();
  }

  private stopTimer(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }
}
