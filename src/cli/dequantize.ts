import { existsSync } from 'node:fs';
import path from 'node:path';
import { floatName } from '../jobs/float-name';
import { toDequantizeDocument } from '../report/json';
import { dequantizeText } from '../report/existing-text';
import type { Command } from './command';
import { shortPath } from './error-text';
import { exitCodes } from './exit-codes';
import { tableWidth, type Io } from './io';
import { usage } from './tokens';

/** `vernier dequantize`: a quantized model as floats again. */
export async function dequantize(
  command: Extract<Command, { name: 'dequantize' }>,
  io: Io,
): Promise<number> {
  const { cwd, signal } = io;
  const model = path.resolve(cwd, command.model);
  const output = path.resolve(cwd, command.output ?? floatName(command.model));
  // a name that nobody gave may be the original's
  if (command.output === null && existsSync(output))
    throw usage(
      `'${shortPath(output, cwd)}' is there already.`,
      'Give -o FILE, also to replace it.',
    );
  const result = await io.client.request(
    'dequantize',
    {
      model,
      output,
      ...(command.data.length > 0
        ? { data: command.data.map((d) => (d === 'random' ? d : path.resolve(cwd, d))) }
        : {}),
      ...(command.samples === null ? {} : { samples: command.samples }),
    },
    { signal },
  );
  if (command.json) io.stdout.write(`${JSON.stringify(toDequantizeDocument(result), null, 2)}\n`);
  else if (!command.quiet) {
    const shown = { ...result, output: shortPath(result.output, cwd) };
    io.stdout.write(`${dequantizeText(shown, { width: tableWidth(io) })}\n`);
  }
  return exitCodes.done;
}
