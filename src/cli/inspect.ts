import path from 'node:path';
import { toSummaryDocument } from '../report/json';
import { summaryText } from '../report/summary-text';
import type { Command } from './command';
import { shortPath } from './error-text';
import { exitCodes } from './exit-codes';
import { tableWidth, type Io } from './io';

/** `vernier inspect`: what a file says. */
export async function inspect(
  command: Extract<Command, { name: 'inspect' }>,
  io: Io,
): Promise<number> {
  const { cwd, signal } = io;
  const model = path.resolve(cwd, command.model);
  const summary = await io.client.request('inspect', { model }, { signal });
  if (command.json) io.stdout.write(`${JSON.stringify(toSummaryDocument(summary), null, 2)}\n`);
  else if (!command.quiet)
    io.stdout.write(
      `${summaryText({ ...summary, file: shortPath(model, cwd) }, { width: tableWidth(io) })}\n`,
    );
  return exitCodes.done;
}
