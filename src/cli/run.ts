import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { toErrorData, VernierError } from '../errors';
import type { RunRequest } from '../jobs/protocol';
import { renderHtml } from '../report/html';
import { toJsonDocument } from '../report/json';
import { renderMarkdown } from '../report/markdown';
import { resultText } from '../report/summary-text';
import type { RunResult } from '../results';
import type { Command, ReportFile } from './command';
import { shortPath } from './error-text';
import { exitCodeOfResult } from './exit-codes';
import { tableWidth, type Io } from './io';
import { makeRecipe, type MadeRecipe } from './recipe';
import { requestShowing, writesReport } from './request';
import { usage } from './tokens';

type RunCommand = Extract<Command, { name: 'run' }>;
type QuantizeCommand = Extract<Command, { name: 'quantize' }>;

/** `vernier run`: does what a recipe says. */
export async function run(command: RunCommand, io: Io): Promise<number> {
  return perform({ recipePath: path.resolve(io.cwd, command.recipe) }, command, io);
}

/** `vernier quantize`: makes a recipe of the flags and runs it. */
export async function quantize(command: QuantizeCommand, io: Io): Promise<number> {
  const made = makeRecipe(command.model, command.flags, command.recipe, io.cwd);
  if (command.recipe !== null) await writeRecipeFile(made, io.cwd);
  return perform({ recipePath: made.path, text: made.text }, command, io);
}

async function perform(
  request: RunRequest,
  command: RunCommand | QuantizeCommand,
  io: Io,
): Promise<number> {
  const { cwd } = io;
  const { until } = command;
  const result = await requestShowing(io, command.quiet, 'run', {
    ...request,
    until,
    ...writesReport(command.report?.file ?? null, cwd),
  });
  if (command.report) await writeReport(command.report, result, io);
  if (command.json) io.stdout.write(`${JSON.stringify(toJsonDocument(result), null, 2)}\n`);
  else if (!command.quiet) {
    const text = resultText(shown(result, cwd), { width: tableWidth(io) });
    const written = command.until === 'calibrate' ? [] : [`written: ${shown(result, cwd).output}`];
    if (command.report) written.push(`report:  ${command.report.file}`);
    if (command.name === 'quantize' && command.recipe) written.push(`recipe:  ${command.recipe}`);
    io.stdout.write(`${[text, written.join('\n')].filter((part) => part !== '').join('\n\n')}\n`);
  }
  const missed = result.limits.filter(({ met }) => met === false);
  if (missed.length > 0)
    io.stderr.write(
      `limits not met: ${missed.map(({ limit, wanted, got }) => `${limit} is ${got}, wanted ${wanted}`).join('; ')}\n`,
    );
  return exitCodeOfResult(result);
}

/** The result with paths as one would type them here: reports and tables hold no folders of this machine. */
function shown(result: RunResult, from: string): RunResult {
  const short = (file: string | null) => (file === null ? null : shortPath(file, from));
  return {
    ...result,
    model: shortPath(result.model, from),
    output: short(result.output),
    recipe: short(result.recipe),
  };
}

async function writeReport({ file, format }: ReportFile, result: RunResult, io: Io): Promise<void> {
  const target = path.resolve(io.cwd, file);
  const view = shown(result, path.dirname(target));
  const text =
    format === 'markdown'
      ? renderMarkdown(view)
      : renderHtml(
          view,
          await io.client.request('inspect', { model: result.model }, { signal: io.signal }),
        );
  await writeText(target, text);
}

/** An existing recipe may hold somebody's work: only the very same text is written over. */
async function writeRecipeFile({ path: file, text }: MadeRecipe, cwd: string): Promise<void> {
  const before = await readFile(file, 'utf8').catch(() => null);
  if (before === text) return;
  if (before !== null)
    throw usage(
      `'${shortPath(file, cwd)}' is there already and says something else.`,
      `Give --recipe another name, or run it: vernier run ${shortPath(file, cwd)}`,
    );
  await writeText(file, text);
}

/** Writes a text file, with its folder. Throws `job.io`, `job.disk-full`. */
export async function writeText(file: string, text: string): Promise<void> {
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  } catch (error) {
    const { code, message } = toErrorData(error);
    throw new VernierError(
      code === 'job.disk-full' ? code : 'job.io',
      `Cannot write '${file}': ${message}`,
      { file, remedy: 'Check the folder and its permissions.' },
      { cause: error },
    );
  }
}
