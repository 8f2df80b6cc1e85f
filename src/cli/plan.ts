import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { PlanRequest } from '../jobs/protocol';
import { withPlan } from '../recipe/plan-edit';
import { mixedDocument, mixedHtml, mixedText } from '../report/mixed';
import type { MixedPrecision } from '../results-mixed';
import type { Command } from './command';
import { shortPath } from './error-text';
import { exitCodes } from './exit-codes';
import { tableWidth, type Io } from './io';
import { recipeOf, requestShowing, writesReport } from './request';
import { writeText } from './run';
import { usage } from './tokens';

type PlanCommand = Extract<Command, { name: 'plan' }>;

/** `vernier plan`: which layers to take out of INT8, and what that buys. */
export async function plan(command: PlanCommand, io: Io): Promise<number> {
  const { cwd } = io;
  if (command.report && command.report.format !== 'html')
    throw usage('The report of plan is .html.');
  const result = await requestShowing(io, command.quiet, 'plan', requestOf(command, cwd));
  const shown = {
    ...result,
    model: shortPath(result.model, cwd),
    recipe: result.recipe === null ? null : shortPath(result.recipe, cwd),
  };
  if (command.report) await writeText(path.resolve(cwd, command.report.file), mixedHtml(shown));
  const written = command.write
    ? await writePlan(path.resolve(cwd, command.subject), result)
    : false;
  if (command.json) io.stdout.write(`${JSON.stringify(mixedDocument(shown), null, 2)}\n`);
  else if (!command.quiet) {
    io.stdout.write(`${mixedText(shown, { width: tableWidth(io) })}\n`);
    if (command.report) io.stdout.write(`\nreport: ${command.report.file}\n`);
    if (command.write)
      io.stdout.write(
        written ? `\nwritten: ${command.subject}\n` : '\nThe recipe has this plan already.\n',
      );
  }
  return result.missed.length > 0 ? exitCodes.limitsNotMet : exitCodes.done;
}

function requestOf(
  { subject, flags, layers, minutes, timed, report }: PlanCommand,
  cwd: string,
): PlanRequest {
  return {
    ...recipeOf(subject, flags, cwd),
    ...(layers === null ? {} : { layers }),
    ...(minutes === null ? {} : { budgetSeconds: minutes * 60 }),
    timed,
    ...writesReport(report?.file ?? null, cwd),
  };
}

/** Adds the recommended plan to the recipe. @returns false where it is in it already */
async function writePlan(file: string, { plans, recommended }: MixedPrecision): Promise<boolean> {
  const before = await readFile(file, 'utf8');
  const after = withPlan(before, plans[recommended]!.choices);
  if (after === before) return false;
  await writeText(file, after);
  return true;
}
