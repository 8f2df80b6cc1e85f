import path from 'node:path';
import { fusionsText, toFusionsDocument } from '../report/fusions';
import { fusionsHtml } from '../report/fusions-html';
import type { Command } from './command';
import { shortPath } from './error-text';
import { exitCodes } from './exit-codes';
import { tableWidth, type Io } from './io';
import { requestShowing, writesReport } from './request';
import { writeText } from './run';

/** `vernier fusions`: what of a file runs as one, what does not, and what that gains. */
export async function fusions(
  command: Extract<Command, { name: 'fusions' }>,
  io: Io,
): Promise<number> {
  const { cwd } = io;
  const model = path.resolve(cwd, command.model);
  const data = command.data.map((d) => (d === 'random' ? d : path.resolve(cwd, d)));
  const measure = {
    ...(data.length > 0 ? { data } : {}),
    ...(command.threads === null ? {} : { threads: command.threads }),
  };
  const request = {
    model,
    ...(command.measure ? { measure } : {}),
    ...writesReport(command.report, cwd),
  };
  const report = await requestShowing(io, command.quiet, 'fusions', request);
  const shown = { ...report, model: shortPath(model, cwd) };
  if (command.report !== null)
    await writeText(path.resolve(cwd, command.report), fusionsHtml(shown));
  if (command.json) io.stdout.write(`${JSON.stringify(toFusionsDocument(report), null, 2)}\n`);
  else if (!command.quiet) {
    const written = command.report === null ? '' : `\n\nreport: ${command.report}`;
    io.stdout.write(`${fusionsText(shown, { width: tableWidth(io) })}${written}\n`);
  }
  return exitCodes.done;
}
