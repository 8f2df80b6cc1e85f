import path from 'node:path';
import { diffDocument, diffText } from '../report/diff';
import { renderDiffHtml } from '../report/diff-html';
import type { Command } from './command';
import { shortPath } from './error-text';
import { exitCodes } from './exit-codes';
import { tableWidth, type Io } from './io';
import { writesReport } from './request';
import { writeText } from './run';

/** `vernier diff`: any two models side by side. */
export async function diff(command: Extract<Command, { name: 'diff' }>, io: Io): Promise<number> {
  const { cwd, signal } = io;
  const result = await io.client.request(
    'diff',
    {
      a: path.resolve(cwd, command.a),
      b: path.resolve(cwd, command.b),
      ...(command.data.length > 0
        ? { data: command.data.map((d) => (d === 'random' ? d : path.resolve(cwd, d))) }
        : {}),
      ...(command.samples === null ? {} : { samples: command.samples }),
      ...(command.recipe === null ? {} : { recipe: path.resolve(cwd, command.recipe) }),
      time: command.time,
      ...writesReport(command.report, cwd),
    },
    { signal },
  );
  if (command.report !== null)
    await writeText(path.resolve(cwd, command.report), renderDiffHtml(result));
  if (command.json) io.stdout.write(`${JSON.stringify(diffDocument(result), null, 2)}\n`);
  else if (!command.quiet) {
    const shown = {
      ...result,
      a: { ...result.a, file: shortPath(result.a.file, cwd) },
      b: { ...result.b, file: shortPath(result.b.file, cwd) },
    };
    const report = command.report === null ? '' : `\n\nreport:  ${command.report}`;
    io.stdout.write(`${diffText(shown, { width: tableWidth(io) })}${report}\n`);
  }
  return exitCodes.done;
}
