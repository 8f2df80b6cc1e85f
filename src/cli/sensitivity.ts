import path from 'node:path';
import type { SensitivityRequest } from '../jobs/protocol';
import { sensitivityDocument, sensitivityHtml, sensitivityText } from '../report/sensitivity';
import type { Command } from './command';
import { shortPath } from './error-text';
import { exitCodes } from './exit-codes';
import { tableWidth, type Io } from './io';
import { recipeOf, requestShowing, writesReport } from './request';
import { writeText } from './run';
import { usage } from './tokens';

type SensitivityCommand = Extract<Command, { name: 'sensitivity' }>;

/** `vernier sensitivity`: what quantizing each layer does to the outputs. */
export async function sensitivity(command: SensitivityCommand, io: Io): Promise<number> {
  const { cwd } = io;
  if (command.report && command.report.format !== 'html')
    throw usage('The report of sensitivity is .html.');
  const result = await requestShowing(io, command.quiet, 'sensitivity', requestOf(command, cwd));
  const shown = {
    ...result,
    model: shortPath(result.model, cwd),
    recipe: result.recipe === null ? null : shortPath(result.recipe, cwd),
  };
  if (command.report)
    await writeText(path.resolve(cwd, command.report.file), sensitivityHtml(shown));
  if (command.json) io.stdout.write(`${JSON.stringify(sensitivityDocument(shown), null, 2)}\n`);
  else if (!command.quiet) {
    io.stdout.write(`${sensitivityText(shown, { width: tableWidth(io) })}\n`);
    if (command.report) io.stdout.write(`\nreport: ${command.report.file}\n`);
  }
  return exitCodes.done;
}

function requestOf(
  { subject, flags, stage, measure, top, minutes, report }: SensitivityCommand,
  cwd: string,
): SensitivityRequest {
  return {
    ...recipeOf(subject, flags, cwd),
    measure,
    ...(stage === null ? {} : { stage }),
    ...(top === null ? {} : { top }),
    ...(minutes === null ? {} : { budgetSeconds: minutes * 60 }),
    ...writesReport(report?.file ?? null, cwd),
  };
}
