import path from 'node:path';
import type { CalibrateRequest } from '../jobs/protocol';
import {
  calibrateDocument,
  calibrateText,
  mergeDocument,
  mergeText,
} from '../report/calibrate-text';
import type { CalibrateResult, MergeResult } from '../results';
import type { Command } from './command';
import { shortPath } from './error-text';
import { exitCodes } from './exit-codes';
import { tableWidth, type Io } from './io';
import { recipeOf, requestShowing } from './request';

type CalibrateCommand = Extract<Command, { name: 'calibrate' }>;

/** `vernier calibrate`: ranges and checks of a recipe's data, or the statistics of a shard of it. */
export async function calibrate(command: CalibrateCommand, io: Io): Promise<number> {
  const { cwd } = io;
  const made = await requestShowing(io, command.quiet, 'calibrate', requestOf(command, cwd));
  const shown = shownFrom(made, cwd);
  if (command.json) io.stdout.write(`${JSON.stringify(calibrateDocument(shown), null, 2)}\n`);
  else if (!command.quiet) io.stdout.write(`${calibrateText(shown, { width: tableWidth(io) })}\n`);
  return exitCodes.done;
}

function requestOf(command: CalibrateCommand, cwd: string): CalibrateRequest {
  const { subject, flags, shard, output, exports } = command;
  const file = output ?? (shard ? shardName(subject, shard) : null);
  return {
    ...recipeOf(subject, flags, cwd),
    ...(shard ? { shard } : {}),
    ...(file === null ? {} : { statistics: path.resolve(cwd, file) }),
    exports: exports.map((one) => ({ ...one, file: path.resolve(cwd, one.file) })),
  };
}

/** `mobilenet.2-of-8.statistics.json` in the current folder. */
function shardName(subject: string, { index, of }: { index: number; of: number }): string {
  const stem = path.basename(subject).replace(/((\.quant)?\.ya?ml|\.onnx)$/i, '');
  return `${stem}.${index}-of-${of}.statistics.json`;
}

function shownFrom({ result, statistics, exported }: CalibrateResult, cwd: string) {
  const short = (file: string) => shortPath(file, cwd);
  return {
    result: result && {
      ...result,
      model: short(result.model),
      recipe: result.recipe === null ? null : short(result.recipe),
    },
    statistics: statistics && { ...statistics, file: short(statistics.file) },
    exported: exported.map((one) => ({ ...one, file: short(one.file) })),
  };
}

/** `vernier merge`: the statistics of the whole from those of its shards. */
export async function merge(command: Extract<Command, { name: 'merge' }>, io: Io): Promise<number> {
  const { client, signal, cwd } = io;
  const files = command.files.map((file) => path.resolve(cwd, file));
  const output = path.resolve(cwd, command.output);
  const made: MergeResult = await client.request('merge', { files, output }, { signal });
  const shown = { ...made, output: shortPath(made.output, cwd) };
  if (command.json) io.stdout.write(`${JSON.stringify(mergeDocument(shown), null, 2)}\n`);
  else if (!command.quiet) io.stdout.write(`${mergeText(shown)}\n`);
  return exitCodes.done;
}
