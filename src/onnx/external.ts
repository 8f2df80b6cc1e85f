/** Weights that lie in files beside the model. */
import { closeSync, fstatSync, lstatSync, openSync, readSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { VernierError } from '../errors';
import type { TensorProto } from './schema';

/** Where an external tensor's bytes are. Lengths that the file does not state are null. */
export interface ExternalLocation {
  location: string;
  offset: number;
  length: number | null;
}

/** Reads the `external_data` entries of a tensor. */
export function externalLocation(tensor: TensorProto): ExternalLocation {
  const entries = new Map(tensor.externalData.map((e) => [e.key, e.value]));
  const length = entries.get('length');
  return {
    location: entries.get('location') ?? '',
    offset: Number(entries.get('offset') ?? 0),
    length: length === undefined ? null : Number(length),
  };
}

/**
 * The file of an external tensor. Throws `model.external-outside` for absolute paths, `..` and symbolic links
 * that lead out of the model's folder, `model.external-missing` where there is no file.
 */
export function externalFile(tensor: TensorProto, dir: string | null): string {
  const { location } = externalLocation(tensor);
  const place = { tensor: tensor.name, file: location };
  if (dir === null)
    throw new VernierError(
      'model.external-missing',
      `Tensor '${tensor.name}' lies in '${location}', but the model has no folder.`,
      { ...place, remedy: 'Open the model from its file, with its data file beside it.' },
    );
  const file = path.resolve(dir, location);
  const outside = () =>
    new VernierError(
      'model.external-outside',
      `Tensor '${tensor.name}' points outside the model's folder: '${location}'.`,
      { ...place, remedy: 'Put the data file into the folder of the model and export it again.' },
    );
  if (location === '' || path.isAbsolute(location) || !isInside(dir, file)) throw outside();
  try {
    lstatSync(file);
  } catch {
    throw new VernierError('model.external-missing', `The data file '${location}' is missing.`, {
      ...place,
      remedy: `Put '${location}' beside the model.`,
    });
  }
  if (!isInside(realpathSync(dir), realpathSync(file))) throw outside();
  return file;
}

function isInside(dir: string, file: string): boolean {
  const relative = path.relative(path.resolve(dir), file);
  return relative !== '' && !relative.startsWith('..') && !path.isAbsolute(relative);
}

/** Reads the bytes of an external tensor. @param expected what type and dims say that it takes */
export function readExternal(
  tensor: TensorProto,
  dir: string | null,
  expected: number,
): Uint8Array {
  const file = externalFile(tensor, dir);
  const { offset, length, location } = externalLocation(tensor);
  const bytes = length ?? expected;
  const handle = openSync(file, 'r');
  try {
    const size = fstatSync(handle).size;
    if (!(offset >= 0) || offset + bytes > size)
      throw new VernierError(
        'model.external-short',
        `Tensor '${tensor.name}' wants bytes ${offset}…${offset + bytes} of '${location}', which has ${size}.`,
        { tensor: tensor.name, file: location, remedy: 'Copy the whole data file again.' },
      );
    const buffer = new Uint8Array(bytes);
    for (let done = 0; done < bytes; ) {
      const n = readSync(handle, buffer, done, Math.min(bytes - done, 1 << 30), offset + done);
      if (n === 0) break;
      done += n;
    }
    return buffer;
  } finally {
    closeSync(handle);
  }
}
