/** Writing ONNX files: beside the target first, then renamed over it. */
import { toBinary } from '@bufbuild/protobuf';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { toErrorData, VernierError } from '../errors';
import { ModelProtoSchema } from './gen/onnx_pb';
import type { Model } from './model';
import { DataLocation, entry } from './schema';
import { isExternal, rawBytes } from './tensor';

/** Above this size protobuf cannot hold a model in one message; weights go to a file beside it. */
export const EXTERNAL_LIMIT = 1_900_000_000;

/** Bytes of a model, unknown fields included. External tensors stay references. */
export function serializeModel(model: Model): Uint8Array {
  return toBinary(ModelProtoSchema, model.proto);
}

/** A copy of the model that stands alone: external tensors are read into `raw_data`. */
export function inlineExternal(model: Model): Model {
  if (!model.graph.initializer.some(isExternal)) return model;
  const copy = model.copy();
  for (const tensor of copy.graph.initializer) {
    if (!isExternal(tensor)) continue;
    tensor.rawData = rawBytes(tensor, model.dir);
    tensor.externalData = [];
    tensor.dataLocation = DataLocation.DEFAULT;
  }
  return copy;
}

/** Where a model's weights go. */
export interface SaveOptions {
  /** `inline` (the default) puts weights into the file; `external` into `<file>.data` beside it. */
  weights?: 'inline' | 'external';
}

/**
 * Writes a model to a temporary file beside `file` and renames it, so that an earlier good file is never
 * lost. External tensors are carried along. Throws `job.disk-full` or `job.io`.
 */
export async function saveModel(
  model: Model,
  file: string,
  options: SaveOptions = {},
): Promise<void> {
  const target = path.resolve(file);
  const temporary = `${target}.${process.pid}.tmp`;
  const dataName = `${path.basename(target)}.data`;
  const temporaryData = `${temporary}.data`;
  try {
    await mkdir(path.dirname(target), { recursive: true });
    let whole = inlineExternal(model);
    if (options.weights === 'external') {
      const { model: slim, data } = externalize(whole, dataName);
      whole = slim;
      await writeFile(temporaryData, data);
    }
    await writeFile(temporary, serializeModel(whole));
    if (options.weights === 'external')
      await rename(temporaryData, path.join(path.dirname(target), dataName));
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    await rm(temporaryData, { force: true });
    if (error instanceof VernierError) throw error;
    const data = toErrorData(error);
    throw new VernierError(
      data.code === 'job.disk-full' ? 'job.disk-full' : 'job.io',
      `Cannot write '${file}': ${data.message}`,
      { file, remedy: data.remedy ?? 'Check the folder and its permissions.' },
      { cause: error },
    );
  }
}

/** Weights of 1 kB and more move to one blob, aligned to 64 bytes. */
function externalize(model: Model, location: string): { model: Model; data: Uint8Array } {
  const copy = model.copy();
  const parts: { at: number; bytes: Uint8Array }[] = [];
  let end = 0;
  for (const tensor of copy.graph.initializer) {
    const bytes = tensor.rawData;
    if (bytes.length < 1024) continue;
    const at = Math.ceil(end / 64) * 64;
    parts.push({ at, bytes });
    end = at + bytes.length;
    tensor.rawData = new Uint8Array();
    tensor.dataLocation = DataLocation.EXTERNAL;
    tensor.externalData = [
      entry('location', location),
      entry('offset', String(at)),
      entry('length', String(bytes.length)),
    ];
  }
  const data = new Uint8Array(end);
  for (const { at, bytes } of parts) data.set(bytes, at);
  return { model: copy, data };
}
