import path from 'node:path';
import { checkText } from '../report/check-text';
import { toCheckDocument } from '../report/json';
import type { Command } from './command';
import { shortPath } from './error-text';
import { exitCodeOfCheck } from './exit-codes';
import { tableWidth, type Io } from './io';

/** `vernier check`: a file by the rules of a target. */
export async function check(command: Extract<Command, { name: 'check' }>, io: Io): Promise<number> {
  const { cwd, signal } = io;
  const model = path.resolve(cwd, command.model);
  const { target } = command;
  const result = await io.client.request('check', { model, target }, { signal });
  const shown = { ...result, model: shortPath(model, cwd) };
  if (command.json) io.stdout.write(`${JSON.stringify(toCheckDocument(shown), null, 2)}\n`);
  else if (!command.quiet) io.stdout.write(`${checkText(shown, { width: tableWidth(io) })}\n`);
  return exitCodeOfCheck(result);
}
