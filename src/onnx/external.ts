/** Weights that lie in files beside the model. */
import { realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { VernierError } from '../errors';
import { FileBytes, heldSource, type ByteSource } from './held';
import type { TensorProto } from './schema';

/** Where an external tensor's bytes are. Lengths that the file does not state are null. */
export interface ExternalLocation {
  location: string;
  offset: number;
  length: number | null;
}

/** Reads the `external_data` entries of a tensor. Throws `model.bad-tensor` where offset or length are no sizes. */
export function externalLocation(tensor: TensorProto): ExternalLocation {
  const entries = new Map(tensor.externalData.map((e) => [e.key, e.value]));
  const size = (key: string): number | null => {
    const text = entries.get(key);
    if (text === undefined) return null;
    const number = Number(text);
    if (Number.isSafeInteger(number) && number >= 0 && text.trim() !== '') return number;
    throw new VernierError(
      'model.bad-tensor',
      `Tensor '${tensor.name}' has ${key} '${text}' in its data file, which is no size.`,
      { tensor: tensor.name, remedy: 'The file is damaged: export the model again.' },
    );
  };
  const offset = size('offset') ?? 0;
  return { location: entries.get('location') ?? '', offset, length: size('length') };
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
  let real: string;
  try {
    real = realpathSync(file);
    if (!statSync(real).isFile()) throw new Error('not a file');
  } catch {
    throw new VernierError('model.external-missing', `There is no data file '${location}'.`, {
      ...place,
      remedy: `Put '${location}' beside the model.`,
    });
  }
  if (!isInside(realpathSync(dir), real)) throw outside();
  return file;
}

function isInside(dir: string, file: string): boolean {
  const relative = path.relative(path.resolve(dir), file);
  return relative !== '' && !/^\.\.([\\/]|$)/.test(relative) && !path.isAbsolute(relative);
}

/**
 * Where the bytes of an external tensor are to be had, checked against dims and file. Throws as {@link externalFile} does,
 * and `model.bad-tensor` where the stated length is not `expected`, `model.external-short` where the file ends too early.
 *
 * @param expected bytes that type and dims say that it takes
 */
export function externalSource(
  tensor: TensorProto,
  dir: string | null,
  expected: number,
): ByteSource {
  const held = heldSource(tensor);
  if (held) {
    if (held.length === expected) return held;
    throw new VernierError(
      'model.bad-tensor',
      `Tensor '${tensor.name}' has ${held.length} bytes where its dims take ${expected}.`,
      { tensor: tensor.name, remedy: 'The file is damaged: export or download it again.' },
    );
  }
  const file = externalFile(tensor, dir);
  const { offset, length, location } = externalLocation(tensor);
  const place = { tensor: tensor.name, file: location };
  if (length !== null && length !== expected)
    throw new VernierError(
      'model.bad-tensor',
      `Tensor '${tensor.name}' has ${length} bytes in '${location}' where its dims take ${expected}.`,
      { ...place, remedy: 'Model and data file do not belong together: export both again.' },
    );
  const { size } = statSync(file);
  if (offset + expected > size)
    throw new VernierError(
      'model.external-short',
      `Tensor '${tensor.name}' wants bytes ${offset}…${offset + expected} of '${location}', which has ${size}.`,
      { ...place, remedy: 'Copy the whole data file again.' },
    );
  return new FileBytes({ file, offset }, expected);
}

/** Reads the bytes of an external tensor, in memory of their own. Throws as {@link externalSource} does. */
export function readExternal(
  tensor: TensorProto,
  dir: string | null,
  expected: number,
): Uint8Array {
  const source = externalSource(tensor, dir, expected);
  try {
    return source.read();
  } catch (cause) {
    if (cause instanceof VernierError) throw cause;
    const location = source.extent?.file ?? externalLocation(tensor).location;
    throw new VernierError(
      'model.external-missing',
      `The data file '${location}' cannot be read.`,
      { tensor: tensor.name, file: location, remedy: 'Check its permissions.' },
      { cause },
    );
  }
}
