/** What a job reads is never written over, nor two of its results into one file. */
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { dataHolds, isModule } from '../data';
import { VernierError } from '../errors';
import { loadModel, type Model } from '../onnx';
import type { Plan } from './plan';
import { dataFiles } from './subject';
import type { WrittenFile } from './written-file';

/** Files that a job reads, by what they are to it. */
export interface ReadFiles {
  /** Absolute paths, or the models themselves where they are read already: files of weights are found without reading them again. */
  models: readonly (string | Model)[];
  files?: readonly { what: string; file: string }[];
  /** What `data:` names: files, folders and patterns. */
  data?: readonly { what: string; named: readonly string[]; baseDir: string }[];
}

/** All that a recipe reads, and itself. @param model its model, where that is read already */
export function readByRecipe(
  { recipe, recipePath, baseDir, model: file }: Plan,
  model: string | Model = file,
): ReadFiles {
  const { calibration, evaluate } = recipe;
  const metric = evaluate?.metric;
  const named: [what: string, name: string | null | undefined][] = [
    ['recipe', path.resolve(recipePath)],
    ['statistics that it calibrates by', calibration?.statisticsFile],
    ['ranges that it calibrates by', calibration?.ranges],
    ['labels', evaluate?.labels],
    ['metric', metric && isModule(metric) ? metric : null],
  ];
  return {
    models: [model],
    files: named.flatMap(([what, name]) =>
      name == null ? [] : [{ what, file: path.resolve(baseDir, name) }],
    ),
    data: [
      { what: 'calibration data', named: calibration?.data ?? [], baseDir },
      { what: 'evaluation data', named: evaluate?.data ?? [], baseDir },
    ],
  };
}

/** The files that running a recipe writes beside its own cache. */
export function writtenByRecipe({ output, target }: Plan): WrittenFile[] {
  const model: WrittenFile = { what: 'output', file: output };
  if (target !== 'fpga-fixed') return [model];
  const stem = output.replace(/\.onnx$/i, '');
  const exported = ['h', 'json', 'bin'].map((ending): WrittenFile => {
    return { what: 'fixed-point export', file: `${stem}.fixed.${ending}` };
  });
  return [model, ...exported];
}

/**
 * Refuses to write over what is read, by whatever path or link it is reached, before anything is computed for it.
 * @throws VernierError `recipe.overwrites-model` for a model or the file of its weights, `recipe.overwrites-file` for data,
 * recipe and all else, and for two results in one file
 */
export async function refuseOverwriting(
  { models, files = [], data = [] }: ReadFiles,
  written: readonly WrittenFile[],
): Promise<void> {
  const taken = new Map<string, string>();
  for (const { what, file } of files) taken.set(await realFile(file), what);
  for (const model of models) taken.set(await realFile(fileOf(model)), 'model');
  const before = new Map<string, string>();
  for (const write of written) {
    const real = await realFile(write.file);
    const read = taken.get(real);
    // a recipe that was asked for by its name may be written anew
    if (read !== undefined && read !== write.what) throw overwrites(write, read);
    const other = before.get(real);
    if (other !== undefined) throw sameFile(write, other);
    before.set(real, write.what);
    // what is not there yet is no data and holds no weights
    if (!(await exists(real))) continue;
    for (const { what, named, baseDir } of data)
      if (await dataHolds(named, baseDir, real)) throw overwrites(write, what);
    for (const model of models)
      if (await holdsWeights(model, real)) throw overwrites(write, 'weights of the model');
  }
}

function overwrites({ what, file }: WrittenFile, read: string): VernierError {
  const code = /\bmodel$/.test(read) ? 'recipe.overwrites-model' : 'recipe.overwrites-file';
  return new VernierError(code, `The ${what} would overwrite the ${read}.`, {
    file,
    remedy: `Give the ${what} another name: what is read is never overwritten.`,
  });
}

function sameFile({ what, file }: WrittenFile, other: string): VernierError {
  return new VernierError(
    'recipe.overwrites-file',
    `The ${what} would overwrite the ${other} that the same command writes.`,
    { file, remedy: 'Give each of them a name of its own.' },
  );
}

/** True where weights of a model lie in `real`. They lie below its folder; a model that cannot be read says so itself. */
async function holdsWeights(model: string | Model, real: string): Promise<boolean> {
  const folder = await realFile(path.dirname(fileOf(model)));
  if (!real.startsWith(path.join(folder, path.sep))) return false;
  try {
    for (const file of dataFiles(typeof model === 'string' ? await loadModel(model) : model))
      if ((await realFile(file)) === real) return true;
  } catch (error) {
    if (!(error instanceof VernierError)) throw error;
  }
  return false;
}

/** A model that was read has a file. */
function fileOf(model: string | Model): string {
  return typeof model === 'string' ? model : model.file!;
}

/** A path without links; what is not there yet is looked for in its folder. */
async function realFile(file: string): Promise<string> {
  const whole = path.resolve(file);
  try {
    return await realpath(whole);
  } catch {
    const folder = path.dirname(whole);
    return folder === whole ? whole : path.join(await realFile(folder), path.basename(whole));
  }
}

async function exists(file: string): Promise<boolean> {
  return realpath(file).then(
    () => true,
    () => false,
  );
}
