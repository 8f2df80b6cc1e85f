import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { VernierError } from '../../errors';
import { free, ownsBuffer } from '../../numeric/free';
import type { Note } from '../../results';
import { notFound } from '../bytes';
import { missingInput } from '../shapes';
import type { ImageSettings, InputSpec, RawSource } from '../source';
import type { Bitmap } from './bitmap';
import { decodeImage } from './decode';
import { planImages } from './plan';
import { isGuessed, toPicture, toTensor } from './preprocess';

/** Pictures to read, and the class of each where folders say it. */
export interface ImageFiles {
  files: string[];
  /** Names of the class folders, sorted: their indices are the labels. */
  classes: string[] | null;
  /** Index into `classes` of every file. */
  labels: number[] | null;
}

/** True for the names of files that we decode. */
export function isImage(name: string): boolean {
  return /\.(jpe?g|png|webp)$/i.test(name) && !basename(name).startsWith('.');
}

/** The pictures of a folder, sorted by name: those in it, or if there are none those in its folders, one a class. */
export async function listImages(folder: string): Promise<ImageFiles> {
  const entries = await readdir(folder, { withFileTypes: true });
  const plain = entries.filter((entry) => !entry.isDirectory() && isImage(entry.name));
  if (plain.length > 0)
    return {
      files: plain.map(({ name }) => join(folder, name)).sort(),
      classes: null,
      labels: null,
    };
  const found: ImageFiles & { classes: string[]; labels: number[] } = {
    files: [],
    classes: [],
    labels: [],
  };
  const folders = entries.filter((entry) => !entry.isFile() && !entry.name.startsWith('.'));
  for (const name of folders.map((entry) => entry.name).sort()) {
    const files = (await readdir(join(folder, name)).catch(() => [])).filter(isImage).sort();
    if (files.length === 0) continue;
    found.files.push(...files.map((file) => join(folder, name, file)));
    found.labels.push(...files.map(() => found.classes.length));
    found.classes.push(name);
  }
  return found.files.length ? found : { ...found, classes: null, labels: null };
}

/**
 * Pictures as samples of the model's one input, each decoded when it is asked for.
 * @throws VernierError `data.missing-input` if the model has more than one input, and those of {@link planImages}.
 */
export function openImages(
  { files, classes, labels }: ImageFiles,
  settings: ImageSettings,
  inputs: readonly InputSpec[],
): RawSource {
  const [input, second] = inputs;
  if (!input) throw new VernierError('data.missing-input', 'The model has no inputs.');
  if (second)
    throw missingInput(
      files[0] ?? '',
      second,
      `Pictures fill one input, and the model has ${inputs.length}.`,
      'Give an .npz with one array per input.',
    );
  const plan = planImages(settings, input, files[0] ?? '');
  const notes: Note[] = [];
  const picture = async (position: number): Promise<Bitmap> => {
    const file = files[position]!;
    const bytes = await readFile(file).catch((cause: unknown) => {
      throw notFound(file, cause);
    });
    const image = await decodeImage(bytes, file);
    if (notes.length === 0 && isGuessed(image, plan))
      notes.push({
        code: 'data.image-size',
        severity: 'info',
        message: `Pictures are scaled to cover ${plan.cover!.join('×')} and cropped in the middle, for image: gives neither resize nor crop.`,
        file,
        tensor: input.name,
        remedy: 'Say how the model was trained: image: { resize: 256, crop: 224 }.',
      });
    const framed = toPicture(image, plan, file);
    if (framed.data.buffer !== image.data.buffer) free(image.data);
    if (ownsBuffer(bytes)) free(bytes);
    return framed;
  };
  const feedOf = (framed: Bitmap) => ({ [input.name]: toTensor(framed, plan) });
  return {
    total: files.length,
    fresh: true,
    classes,
    notes,
    files,
    settings,
    origin: (position) => ({ file: files[position] ?? null, index: null }),
    classOf: (position) => labels?.[position] ?? null,
    sample: async (position) => feedOf(await picture(position)),
    async hold(position) {
      const framed = await picture(position);
      return { bytes: framed.data.buffer.byteLength, feed: () => feedOf(framed) };
    },
  };
}
