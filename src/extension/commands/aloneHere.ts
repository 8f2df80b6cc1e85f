import { VernierError } from '../../errors';
import type { Sessions } from '../sessions';

/** Refuses to measure times beside a job that runs. @param then what to do when it is over, e.g. `search` */
export function refuseBeside(sessions: Sessions, then: string): void {
  const busy = sessions.all().find(({ running }) => running);
  if (busy)
    throw new VernierError(
      'job.busy',
      `A job runs on ${busy.state.fileName}: times that are measured beside it would not be true.`,
      { remedy: `Wait for it or cancel it, then ${then}.` },
    );
}
