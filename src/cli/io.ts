import type { JobClient } from '../jobs/client';
import type { ProgressOutput } from './progress';

/** What a command touches of the process that it runs in. */
export interface Io {
  cwd: string;
  stdout: { write(text: string): unknown; isTTY?: boolean; columns?: number };
  stderr: ProgressOutput;
  /** The worker; it starts with the first request. */
  client: Pick<JobClient, 'request'>;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
  version: string;
}

/** Width for tables: that of the terminal; files get tables as wide as they are. */
export function tableWidth({ stdout }: Io): number {
  return stdout.isTTY ? (stdout.columns ?? 80) : 0;
}
