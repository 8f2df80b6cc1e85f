import path from 'node:path';
import type { SearchRequest } from '../jobs/protocol';
import { searchDocument, searchHtml, searchText } from '../report/search';
import type { Command } from './command';
import { shortPath } from './error-text';
import { exitCodes } from './exit-codes';
import { tableWidth, type Io } from './io';
import { makeRecipe } from './recipe';
import { recipeOf, requestShowing, writesReport } from './request';
import { writeText } from './run';
import { usage } from './tokens';

type AutoCommand = Extract<Command, { name: 'auto' }>;

/** `vernier auto`: searches for the best quantization, and says what was tried. */
export async function auto(command: AutoCommand, io: Io): Promise<number> {
  const { cwd } = io;
  if (command.report && command.report.format !== 'html')
    throw usage('The report of auto is .html.');
  const request = requestOf(command, cwd);
  const result = await requestShowing(io, command.quiet, 'search', request);
  const shown = {
    ...result,
    model: shortPath(result.model, cwd),
    recipe: result.recipe === null ? null : shortPath(result.recipe, cwd),
  };
  if (command.report) await writeText(path.resolve(cwd, command.report.file), searchHtml(shown));
  const wanted = command.write ? command.subject : command.recipe;
  const written = wanted !== null && result.text !== null;
  if (written) await writeText(path.resolve(cwd, wanted), result.text!);
  if (command.json) io.stdout.write(`${JSON.stringify(searchDocument(shown), null, 2)}\n`);
  else if (!command.quiet) {
    io.stdout.write(`${searchText(shown, { width: tableWidth(io) })}\n`);
    if (command.report) io.stdout.write(`\nreport: ${command.report.file}\n`);
    if (wanted !== null)
      io.stdout.write(
        written ? `\nwritten: ${wanted}\n` : '\nNo recipe is written: the model stays as it is.\n',
      );
  }
  return result.missed === null ? exitCodes.done : exitCodes.limitsNotMet;
}

function requestOf(command: AutoCommand, cwd: string): SearchRequest {
  const { subject, flags, minutes, recipe, report } = command;
  const { writes = [] } = writesReport(report?.file ?? null, cwd);
  if (recipe !== null) writes.push({ what: 'recipe', file: path.resolve(cwd, recipe) });
  const more = { ...(minutes === null ? {} : { budgetSeconds: minutes * 60 }), writes };
  if (flags === null) return { ...recipeOf(subject, null, cwd), ...more };
  // what is searched for needs no calibration data of its own: without any, static is not tried
  const keys = { ...flags, quantization: 'auto' };
  const made = makeRecipe(subject, keys, recipe, cwd);
  return { recipePath: made.path, text: made.text, ...more };
}
