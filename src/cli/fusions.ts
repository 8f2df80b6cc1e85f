import path from 'node:path';
import { fusionsText, toFusionsDocument } from '../report/fusions';
import type { Command } from './command';
import { shortPath } from './error-text';
import { exitCodes } from './exit-codes';
import { tableWidth, type Io } from './io';

/** `vernier fusions`: what of a file runs as one, and what does not. */
export async function fusions(
  command: Extract<Command, { name: 'fusions' }>,
  io: Io,
): Promise<number> {
  const { cwd, signal } = io;
  const model = path.resolve(cwd, command.model);
  const report = await io.client.request('fusions', { model }, { signal });
  const shown = { ...report, model: shortPath(model, cwd) };
  if (command.json) io.stdout.write(`${JSON.stringify(toFusionsDocument(report), null, 2)}\n`);
  else if (!command.quiet) io.stdout.write(`${fusionsText(shown, { width: tableWidth(io) })}\n`);
  return exitCodes.done;
}
