/** Results beside the recipe, in `.vernier/`. Light: the extension host reads results with it. */
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { deserialize, serialize } from 'node:v8';
import type { RunResult } from '../results';

/** Documents of this many different keys are kept per recipe and kind; */
const KEPT = 3;
/**
 * of what every placement of a model has for itself more, since those who try layers come back to it; of what is large and only
 * shortens what comes after it, one.
 */
const KEPT_OF: Readonly<Record<string, number>> = {
  ...{ biases: 16, evaluation: 16 },
  ...{ means: 1, exact: 1 },
};

/** Milliseconds of work after which it is stored: with the step under way a worker that is killed loses a second of it at most. */
export const SAVE_EVERY_MS = 800;

/** The files of one recipe under `.vernier/`. */
export class Store {
  readonly folder: string;
  private readonly stem: string;

  /**
   * @param saveEveryMs how often those who compute something store how far they are; tests store every step
   * @param over whether they have to stop, see {@link Store.until}
   */
  constructor(
    private readonly recipePath: string,
    readonly saveEveryMs = SAVE_EVERY_MS,
    readonly over: (() => boolean) | null = null,
  ) {
    this.folder = path.join(path.dirname(recipePath), '.vernier');
    this.stem = path.basename(recipePath).replace(/(\.quant)?\.ya?ml$/i, '');
  }

  /** The same files, for work that stores how far it is and stops once `over` is true. */
  until(over: () => boolean): Store {
    return new Store(this.recipePath, this.saveEveryMs, over);
  }

  /** Path of a stored document, e.g. `result` or `calibration.<key>`. */
  file(what: string): string {
    return path.join(this.folder, `${this.stem}.${what}.json`);
  }

  /** Path of a stored state. */
  private stateFile(what: string): string {
    return path.join(this.folder, `${this.stem}.${what}.state`);
  }

  /** A stored document, or null where there is none or it is damaged. */
  async read<T>(what: string): Promise<T | null> {
    try {
      return JSON.parse(await readFile(this.file(what), 'utf8')) as T;
    } catch {
      return null;
    }
  }

  /** Stores a document whole or not at all. */
  async write(what: string, value: unknown): Promise<void> {
    await this.put(what, this.file(what), JSON.stringify(value));
  }

  /** A stored state, or null where there is none or it is damaged. */
  async readState<T>(what: string): Promise<T | null> {
    try {
      return deserialize(await readFile(this.stateFile(what))) as T;
    } catch {
      return null;
    }
  }

  /** Stores anything that can be cloned, whole or not at all and bit by bit: typed arrays, maps, NaN, -0. */
  async writeState(what: string, value: unknown): Promise<void> {
    await this.put(what, this.stateFile(what), serialize(value));
  }

  /** Removes a stored state; none is no error. */
  async removeState(what: string): Promise<void> {
    await rm(this.stateFile(what), { force: true });
  }

  /** Removes all stored states of a kind, whatever their keys. */
  async removeStates(kind: string): Promise<void> {
    const files = await readdir(this.folder).catch(() => []);
    for (const name of files)
      if (name.startsWith(`${this.stem}.${kind}.`) && name.endsWith('.state'))
        await rm(path.join(this.folder, name), { force: true });
  }

  private async put(what: string, file: string, contents: string | Uint8Array): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    await this.ignoreFolder();
    await replaceFile(file, contents);
    await this.forgetOld(what, path.extname(file));
  }

  /** Removes a stored document; none is no error. */
  async remove(what: string): Promise<void> {
    await rm(this.file(what), { force: true });
  }

  /** Path of a folder that is needed while this process works; it is the caller's to announce and to remove. */
  temporaryFolder(what: string): string {
    return path.join(this.folder, `${this.stem}.${what}.${process.pid}-${++folders}`);
  }

  /** Makes such a folder. */
  async makeFolder(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    await this.ignoreFolder();
  }

  /** Removes what a killed process left half written, and folders of processes that are no more. */
  async removeTemporary(): Promise<void> {
    const files = await readdir(this.folder).catch(() => []);
    for (const name of files) {
      const owner = /\.(\d+)-\d+$/.exec(name)?.[1];
      if (name.endsWith('.tmp') || (owner !== undefined && !isAlive(Number(owner))))
        await rm(path.join(this.folder, name), { force: true, recursive: true });
    }
  }

  private async ignoreFolder(): Promise<void> {
    const file = path.join(this.folder, '.gitignore');
    await writeFile(file, '*\n', { flag: 'wx' }).catch(() => undefined);
  }

  /** Keeps the newest few of the documents whose name ends in a key. */
  private async forgetOld(what: string, extension: string): Promise<void> {
    const kind = /^([a-z-]+)\.[0-9a-f]{32}$/.exec(what)?.[1];
    if (!kind) return;
    const prefix = `${this.stem}.${kind}.`;
    const names = (await readdir(this.folder)).filter(
      (name) => name.startsWith(prefix) && name.endsWith(extension),
    );
    const aged = await Promise.all(
      names.map(async (name) => ({
        name,
        time: (await stat(path.join(this.folder, name))).mtimeMs,
      })),
    );
    aged.sort((a, b) => b.time - a.time);
    for (const { name } of aged.slice(KEPT_OF[kind] ?? KEPT))
      await rm(path.join(this.folder, name), { force: true });
  }
}

let folders = 0;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Writes a file whole or not at all: beside it first. */
export async function replaceFile(file: string, contents: string | Uint8Array): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, contents);
    await rename(temporary, file).catch(async (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      // Another process tidied up after one that was killed, and took this file for what that left.
      await writeFile(temporary, contents);
      await rename(temporary, file);
    });
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** The last result of a recipe, or null. */
export async function readResult(recipePath: string): Promise<RunResult | null> {
  const result = await new Store(recipePath).read<RunResult>('result');
  return result?.format === 1 ? result : null;
}
