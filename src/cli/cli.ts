import { fusions } from './fusions';
import { toErrorData, VernierError } from '../errors';
import { toErrorDocument } from '../report/json';
import { auto } from './auto';
import { calibrate, merge } from './calibrate';
import { choose } from './choose';
import { parseCommand } from './command';
import { check } from './check';
import { dequantize } from './dequantize';
import { diff } from './diff';
import { errorText } from './error-text';
import { exitCodeOf, exitCodes } from './exit-codes';
import { helpText } from './help';
import { inspect } from './inspect';
import type { Io } from './io';
import { plan } from './plan';
import { quantize, run } from './run';
import { sensitivity } from './sensitivity';

/** Does what a command line asks for and returns the exit code. Never throws. */
export async function runCli(args: readonly string[], io: Io): Promise<number> {
  try {
    const command = parseCommand(args);
    switch (command.name) {
      case 'help':
        io.stdout.write(`${helpText(command.about)}\n`);
        return exitCodes.done;
      case 'version':
        io.stdout.write(`${io.version}\n`);
        return exitCodes.done;
      case 'inspect':
        return await inspect(command, io);
      case 'check':
        return await check(command, io);
      case 'fusions':
        return await fusions(command, io);
      case 'dequantize':
        return await dequantize(command, io);
      case 'diff':
        return await diff(command, io);
      case 'choose':
        return await choose(command, io);
      case 'plan':
        return await plan(command, io);
      case 'sensitivity':
        return await sensitivity(command, io);
      case 'auto':
        return await auto(command, io);
      case 'calibrate':
        return await calibrate(command, io);
      case 'merge':
        return await merge(command, io);
      case 'run':
        return await run(command, io);
      case 'quantize':
        return await quantize(command, io);
    }
  } catch (thrown) {
    const error = cancelled(thrown, io.signal) ?? toErrorData(thrown);
    // --json holds even where the rest of the command line is wrong
    if (args.includes('--json'))
      io.stdout.write(`${JSON.stringify(toErrorDocument(error), null, 2)}\n`);
    else io.stderr.write(`${errorText(error, io.cwd)}\n`);
    return exitCodeOf(error.code);
  }
}

/** After Ctrl-C whatever fails has been cancelled: the worker hears it too and may be gone first. */
function cancelled(thrown: unknown, signal: AbortSignal) {
  if (!signal.aborted || (thrown instanceof VernierError && thrown.code === 'job.cancelled'))
    return null;
  return toErrorData(new VernierError('job.cancelled', 'Cancelled.'));
}
