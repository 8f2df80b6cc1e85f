// Child processes and what is said about them.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { root } from './paths.mjs';

/** A mistake of the surroundings that a person can mend: printed as it is, without a stack. */
export class Remedy extends Error {}

/**
 * Runs a command with inherited output and resolves to its exit code.
 * Standard input is closed unless `stdin: 'inherit'`, so that nothing can wait for an answer.
 */
export function run(command, args, { stdin = 'ignore', ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: [stdin, 'inherit', 'inherit'],
      ...options,
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? (signal ? 128 : 1)));
  });
}

/** Runs a command and throws a Remedy when it fails. */
export async function must(command, args, options = {}) {
  const { otherwise, ...rest } = options;
  const code = await run(command, args, rest);
  if (code !== 0) {
    throw new Remedy(
      `\`${[command, ...args].join(' ')}\` ended with code ${code}.${otherwise ? ` ${otherwise}` : ''}`,
    );
  }
}

/** npm, the one that runs us where there is one, on every platform. */
export function npm(args, options = {}) {
  const cli = process.env.npm_execpath;
  if (cli?.endsWith('.js')) return must(process.execPath, [cli, ...args], options);
  const windows = process.platform === 'win32';
  return must(windows ? 'npm.cmd' : 'npm', args, { shell: windows, ...options });
}

/** The full path of the first of these programs that is on the PATH. */
export function which(...names) {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', '.bat'] : [''];
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      for (const ending of endings) {
        const file = join(folder, name + ending);
        if (folder && existsSync(file)) return file;
      }
    }
  }
  return undefined;
}

/**
 * Runs a script's main function; a Remedy is shown as one line, anything else with its stack.
 * `last` has the last word in either case.
 */
export async function main(body, last) {
  try {
    await body();
  } catch (error) {
    console.error(error instanceof Remedy ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
  last?.();
}

export const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;
