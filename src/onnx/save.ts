/** Writing ONNX files: beside the target first, then renamed over it. */
import { clearField, toBinary } from '@bufbuild/protobuf';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { toErrorData, VernierError } from '../errors';
import { ModelProtoSchema, TensorProtoSchema } from './gen/onnx_pb';
import { allTensors } from './graph';
import type { Model } from './model';
import { DataLocation, entry } from './schema';
import { isExternal, rawBytes } from './tensor';

/** Above this size protobuf cannot hold a model in one message; weights go to a file beside it. */
export const EXTERNAL_LIMIT = 1_900_000_000;

/** Bytes of a model, unknown fields included. External tensors stay references. */
export function serializeModel(model: Model): Uint8Array {
  return toBinary(ModelProtoSchema, model.proto);
}

/** A copy of the model that stands alone: external tensors, those of subgraphs too, are read into `raw_data`. */
export function inlineExternal(model: Model): Model {
  if (![...allTensors(model.graph)].some(({ tensor }) => isExternal(tensor))) return model;
  const copy = model.copy();
  for (const { tensor } of allTensors(copy.graph)) {
    if (!isExternal(tensor)) continue;
    tensor.rawData = rawBytes(tensor, model.dir);
    tensor.externalData = [];
    clearField(tensor, TensorProtoSchema.field.dataLocation);
  }
  return copy;
}

/** Where a model's weights go. */
export interface SaveOptions {
  /**
   * `inline` (the default) puts weights into the file, unless they are more than a file can hold; `external` into
   * `<file>.data` beside it.
   */
  weights?: 'inline' | 'external';
}

/**
 * Writes a model to a temporary file beside `file` and renames it, so that an earlier good file is never lost: where
 * anything fails, the earlier model and its data file are what they were. External tensors are carried along.
 * Throws `job.disk-full` or `job.io`.
 */
export async function saveModel(
  model: Model,
  file: string,
  options: SaveOptions = {},
): Promise<void> {
  const target = path.resolve(file);
  const temporary = `${target}.${process.pid}.tmp`;
  const data = {
    target: `${target}.data`,
    temporary: `${temporary}.data`,
    old: `${temporary}.old`,
  };
  const whole = inlineExternal(model);
  try {
    await mkdir(path.dirname(target), { recursive: true });
    if (options.weights !== 'external' && weightBytes(whole) <= EXTERNAL_LIMIT) {
      await writeFile(temporary, serializeModel(whole));
      await rename(temporary, target);
      return;
    }
    const { model: slim, parts } = externalize(whole, path.basename(data.target));
    await writeParts(data.temporary, parts);
    await writeFile(temporary, serializeModel(slim));
    const had = await moved(data.target, data.old);
    try {
      await rename(data.temporary, data.target);
      await rename(temporary, target);
    } catch (error) {
      await rm(data.target, { force: true });
      if (had) await rename(data.old, data.target);
      throw error;
    }
    await rm(data.old, { force: true });
  } catch (error) {
    // where even this fails, the first error is the one to tell
    for (const rest of [temporary, data.temporary])
      await rm(rest, { force: true }).catch(() => undefined);
    throw failure(error, file);
  }
}

function failure(error: unknown, file: string): VernierError {
  if (error instanceof VernierError) return error;
  const data = toErrorData(error);
  return new VernierError(
    data.code === 'job.disk-full' ? 'job.disk-full' : 'job.io',
    `Cannot write '${file}': ${data.message}`,
    { file, remedy: data.remedy ?? 'Check the folder and its permissions.' },
    { cause: error },
  );
}

/** Renames a file out of the way; false where there is none. */
async function moved(file: string, to: string): Promise<boolean> {
  try {
    await rename(file, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function weightBytes(model: Model): number {
  let bytes = 0;
  for (const { tensor } of allTensors(model.graph)) bytes += tensor.rawData.length;
  return bytes;
}

interface Part {
  at: number;
  bytes: Uint8Array;
}

/** Writes parts at their places; what lies between them is zero. */
async function writeParts(file: string, parts: readonly Part[]): Promise<void> {
  const handle = await open(file, 'w');
  try {
    for (const { at, bytes } of parts)
      for (let done = 0; done < bytes.length;) {
        const length = Math.min(bytes.length - done, 1 << 30);
        const { bytesWritten } = await handle.write(bytes, done, length, at + done);
        done += bytesWritten;
      }
  } finally {
    await handle.close();
  }
}

/** Initializers of 1 kB and more move to one blob, aligned to 64 bytes. */
function externalize(model: Model, location: string): { model: Model; parts: Part[] } {
  const copy = model.copy();
  const parts: Part[] = [];
  let end = 0;
  for (const tensor of copy.graph.initializer) {
    const bytes = tensor.rawData;
    if (bytes.length < 1024) continue;
    const at = Math.ceil(end / 64) * 64;
    parts.push({ at, bytes });
    end = at + bytes.length;
    clearField(tensor, TensorProtoSchema.field.rawData);
    tensor.dataLocation = DataLocation.EXTERNAL;
    tensor.externalData = [
      entry('location', location),
      entry('offset', String(at)),
      entry('length', String(bytes.length)),
    ];
  }
  return { model: copy, parts };
}
