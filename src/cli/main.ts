/** The command line: `vernier`. The engine runs in the worker process beside it, never in this one. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { JobClient } from '../jobs/client';
import { runCli } from './cli';
import { exitCodes } from './exit-codes';

async function main(): Promise<void> {
  const controller = new AbortController();
  const client = new JobClient(path.join(__dirname, 'worker.js'));
  const stop = () => {
    // whoever asks twice does not want to wait for cleaning up
    if (controller.signal.aborted) process.exit(exitCodes.cancelled);
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  // a reader that has seen enough (`| head`) ends us quietly
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.done);
    throw error;
  });
  try {
    process.exitCode = await runCli(process.argv.slice(2), {
      cwd: process.cwd(),
      stdout: process.stdout,
      stderr: process.stderr,
      client,
      signal: controller.signal,
      version: version(),
    });
  } finally {
    client.dispose();
  }
}

function version(): string {
  const manifest = readFileSync(path.join(__dirname, '..', 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

void main();
