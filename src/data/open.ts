import { readdir, realpath, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { VernierError } from '../errors';
import { openArrays } from './arrays';
import { notFound } from './bytes';
import { glob, isGlob } from './glob';
import { isImage, listImages, openImages, type ImageFiles } from './images/source';
import { listDataSets, openProtos } from './protos';
import { openRandom, RANDOM_SAMPLES } from './random';
import { concatenate, selectSamples } from './select';
import type { DataSpec, RawSource, SampleSource } from './source';

const KINDS =
  'Give pictures (.jpg, .png, .webp), .npy, .npz, a folder of these, an ONNX test_data_set folder, or random.';

/** A file or folder that the recipe names. */
interface Item {
  path: string;
  folder: boolean;
}

/**
 * Opens what the recipe's `data:` names. A path is a folder of pictures (plain, or one folder per class), of
 * arrays or of ONNX test data, a file, or a glob of these; a list is all of its members in order. Nothing but names and
 * headers is read here.
 * @throws VernierError `data.*`: not there, empty, of unknown format, or not fit for the model's inputs.
 */
export async function openData(spec: DataSpec): Promise<SampleSource> {
  const named = typeof spec.data === 'string' ? [spec.data] : [...spec.data];
  const name = named.join(', ');
  if (named.length === 1 && named[0] === 'random') {
    const samples = spec.samples ?? RANDOM_SAMPLES;
    const settings = { samples, seed: spec.seed ?? 0, hints: spec.inputShapes ?? {} };
    return selectSamples(name, openRandom(spec.inputs, settings));
  }
  const items = (await Promise.all(named.map((path) => find(path, spec.baseDir)))).flat();
  const raw = concatenate(await openItems(items, spec));
  if (raw.total === 0)
    throw new VernierError('data.empty', `${name} has no samples.`, {
      file: resolve(spec.baseDir, named[0] ?? '.'),
      remedy: KINDS,
    });
  return selectSamples(name, raw, spec.samples);
}

/** What is read in a folder of data. */
const isData = (file: string) => isImage(file) || /\.(np[yz]|pb)$/i.test(file);

/**
 * True if an existing file is one of those that `data:` names, or is read in a folder of them; what cannot be found holds nothing.
 * @param file a path without links
 */
export async function dataHolds(
  named: readonly string[],
  baseDir: string,
  file: string,
): Promise<boolean> {
  for (const name of named) {
    const items = await find(name, baseDir).catch((): Item[] => []);
    for (const { path, folder } of items) {
      const real = await realpath(path);
      if (real === file || (folder && isData(file) && file.startsWith(join(real, sep))))
        return true;
    }
  }
  return false;
}

/** What a path or pattern stands for; a path that exists is itself, whatever characters it has. */
async function find(path: string, baseDir: string): Promise<Item[]> {
  const whole = resolve(baseDir, path);
  try {
    return [{ path: whole, folder: (await stat(whole)).isDirectory() }];
  } catch (cause) {
    if (!isGlob(path)) throw notFound(whole, cause);
  }
  const found = await glob(path, baseDir);
  if (found.length === 0)
    throw new VernierError('data.empty', `Nothing matches ${path} in ${baseDir}.`, {
      file: whole,
      remedy: 'Check the pattern: it is relative to the folder of the recipe.',
    });
  return Promise.all(
    found.map(async (file) => ({ path: file, folder: (await stat(file)).isDirectory() })),
  );
}

/** One source for each stretch of items of the same kind. */
async function openItems(items: readonly Item[], spec: DataSpec): Promise<RawSource[]> {
  const { inputs, image = {} } = spec;
  const sources: RawSource[] = [];
  // A glob may match what is no data (a labels file among pictures); a file that is named alone is meant.
  const alone = items.length === 1;
  let pictures: string[] = [];
  const flush = () => {
    const files: ImageFiles = { files: pictures, classes: null, labels: null };
    if (pictures.length) sources.push(openImages(files, image, inputs));
    pictures = [];
  };
  for (const { path, folder } of items) {
    if (!folder && isImage(path)) {
      pictures.push(path);
      continue;
    }
    flush();
    if (folder) sources.push(...(await openFolder(path, spec)));
    else if (/\.np[yz]$/i.test(path)) sources.push(await openArrays(path, inputs));
    else if (alone)
      throw new VernierError('data.bad-format', `${path} is of no kind that can be read.`, {
        file: path,
        remedy: KINDS,
      });
  }
  flush();
  return sources;
}

async function openFolder(folder: string, { inputs, image = {} }: DataSpec): Promise<RawSource[]> {
  const sets = await listDataSets(folder);
  if (sets.length) return [await openProtos(sets, inputs)];
  const images = await listImages(folder);
  if (images.files.length) return [openImages(images, image, inputs)];
  const arrays = (await readdir(folder)).filter((name) => /\.np[yz]$/i.test(name)).sort();
  if (arrays.length === 0)
    throw new VernierError('data.empty', `${folder} holds no data.`, {
      file: folder,
      remedy: KINDS,
    });
  return Promise.all(arrays.map((name) => openArrays(join(folder, name), inputs)));
}
