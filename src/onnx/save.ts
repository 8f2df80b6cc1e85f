/** Writing ONNX files: beside the target first, then renamed over it. */
import { clearField, toBinary } from '@bufbuild/protobuf';
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { toErrorData, VernierError } from '../errors';
import { modelChunks, pieces, type Chunk } from './chunks';
import { externalSource } from './external';
import { ModelProtoSchema, TensorProtoSchema } from './gen/onnx_pb';
import { allTensors } from './graph';
import { heldSource } from './held';
import type { Model } from './model';
import { DataLocation, entry, type GraphProto, type TensorProto } from './schema';
import { isExternal, rawBytes, tensorBytes } from './tensor';

/** Above this size protobuf cannot hold a model in one message; weights go to a file beside it. */
export const EXTERNAL_LIMIT = 1_900_000_000;

/** Bytes of a model, unknown fields included. Tensors in data files stay references; held ones are read. */
export function serializeModel(model: Model): Uint8Array {
  return toBinary(ModelProtoSchema, inlineTensors(model, (t) => heldSource(t) !== null).proto);
}

/** A copy of the model that stands alone: external tensors, those of subgraphs too, are read into `raw_data`. */
export function inlineExternal(model: Model): Model {
  return inlineTensors(model, () => true);
}

/**
 * A copy of the model whose `chosen` external tensors carry their values; the model itself where there are none.
 * @param chosen also told whether a tensor is one of the graph's own initializers
 */
export function inlineTensors(
  model: Model,
  chosen: (tensor: TensorProto, own: boolean) => boolean,
): Model {
  const wanted = (graph: GraphProto) => {
    const own = new Set(graph.initializer);
    return [...allTensors(graph)]
      .map(({ tensor }) => tensor)
      .filter((tensor) => isExternal(tensor) && chosen(tensor, own.has(tensor)));
  };
  if (wanted(model.graph).length === 0) return model;
  const copy = model.copy();
  for (const tensor of wanted(copy.graph)) {
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
  /**
   * Weights beside the file are in `<dataStem>.<hash of them>.data`: a name that no earlier model refers to, so that the
   * model's own rename is all it takes. Remove what an earlier model referred to with {@link removeOldData}.
   */
  dataStem?: string;
}

/** Where a saved model's weights are. */
export interface Saved {
  /** The data file, or null where the model stands alone. */
  data: string | null;
}

/**
 * Writes a model to a temporary file beside `file` and renames it, so that an earlier good file is never lost: where
 * anything fails, the earlier model and its data file are what they were. External tensors are carried along, one after the
 * other: memory does not grow with the weights. Throws `job.disk-full` or `job.io`.
 */
export async function saveModel(
  model: Model,
  file: string,
  options: SaveOptions = {},
): Promise<Saved> {
  const target = path.resolve(file);
  const temporary = `${target}.${process.pid}.tmp`;
  const data = {
    target: `${target}.data`,
    temporary: `${temporary}.data`,
    old: `${temporary}.old`,
  };
  try {
    await mkdir(path.dirname(target), { recursive: true });
    if (options.weights !== 'external' && weightBytes(model) <= EXTERNAL_LIMIT) {
      await writeInline(model, temporary);
      await rename(temporary, target);
      return { data: null };
    }
    const { slim, parts } = externalize(model);
    const hash = await writeParts(data.temporary, parts);
    if (options.dataStem !== undefined)
      data.target = path.join(path.dirname(target), `${options.dataStem}.${hash}.data`);
    await writeFile(temporary, toBinary(ModelProtoSchema, slim(path.basename(data.target)).proto));
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
    return { data: data.target };
  } catch (error) {
    // where even this fails, the first error is the one to tell
    for (const rest of [temporary, data.temporary])
      await rm(rest, { force: true }).catch(() => undefined);
    throw failure(error, file);
  }
}

/** Removes data files that saving with `dataStem` once wrote, but for `keep`. */
export async function removeOldData(
  folder: string,
  dataStem: string,
  keep: string | null,
): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(`${dataStem}.`)) continue;
    if (!/^[0-9a-f]{16}\.data$/.test(name.slice(dataStem.length + 1))) continue;
    const file = path.join(folder, name);
    if (file !== keep) await rm(file, { force: true });
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

/** Bytes of all constants of a model, wherever they lie. */
export function weightBytes(model: Model): number {
  let bytes = 0;
  for (const { tensor } of allTensors(model.graph))
    bytes += isExternal(tensor) ? tensorBytes(tensor) : tensor.rawData.length;
  return bytes;
}

/** Writes a model that stands alone; values that lie elsewhere pass through in pieces. */
async function writeInline(model: Model, file: string): Promise<void> {
  if (!model.graph.initializer.some(isExternal)) {
    await writeFile(file, toBinary(ModelProtoSchema, inlineExternal(model).proto));
    return;
  }
  // what lies elsewhere and hangs on nodes is small enough to carry
  const carried = inlineTensors(model, (_, own) => !own);
  let at = 0;
  await writeParts(
    file,
    modelChunks(carried).map((chunk) => {
      const part = { at, chunk };
      at += chunk.length;
      return part;
    }),
  );
}

interface Part {
  at: number;
  chunk: Chunk;
}

/** Writes parts at their places, one after the other; what lies between them is zero. Returns a hash of the parts. */
async function writeParts(file: string, parts: readonly Part[]): Promise<string> {
  const hash = createHash('sha256');
  const handle = await open(file, 'w');
  try {
    for (const { at, chunk } of parts) {
      let to = at;
      for (const bytes of pieces(chunk)) {
        hash.update(bytes);
        for (let done = 0; done < bytes.length;) {
          const length = Math.min(bytes.length - done, 1 << 30);
          const { bytesWritten } = await handle.write(bytes, done, length, to);
          done += bytesWritten;
          to += bytesWritten;
        }
      }
    }
  } finally {
    await handle.close();
  }
  return hash.digest('hex').slice(0, 16);
}

/** Bytes from which on an initializer lies in the data file. */
const SMALLEST = 1024;

/** Initializers of 1 kB and more move to one blob, aligned to 64 bytes; `slim` is the model that refers to it. */
function externalize(model: Model): { slim: (location: string) => Model; parts: Part[] } {
  const copy = inlineTensors(model, (_, own) => !own);
  const parts: Part[] = [];
  const places = new Map<number, Part>();
  let end = 0;
  for (const [i, tensor] of copy.graph.initializer.entries()) {
    const chunk = isExternal(tensor)
      ? externalSource(tensor, model.dir, tensorBytes(tensor))
      : tensor.rawData;
    if (chunk.length < SMALLEST) continue;
    const part = { at: Math.ceil(end / 64) * 64, chunk };
    parts.push(part);
    places.set(i, part);
    end = part.at + chunk.length;
  }
  const slim = (location: string) => {
    const result = copy.copy();
    for (const [i, { at, chunk }] of places) {
      const tensor = result.graph.initializer[i]!;
      clearField(tensor, TensorProtoSchema.field.rawData);
      tensor.dataLocation = DataLocation.EXTERNAL;
      tensor.externalData = [
        entry('location', location),
        entry('offset', String(at)),
        entry('length', String(chunk.length)),
      ];
    }
    return inlineExternalBelow(result, model.dir);
  };
  return { slim, parts };
}

/** Small tensors that lay elsewhere are carried by the model itself. */
function inlineExternalBelow(model: Model, dir: string | null): Model {
  for (const tensor of model.graph.initializer) {
    if (!isExternal(tensor) || tensorBytes(tensor) >= SMALLEST) continue;
    tensor.rawData = rawBytes(tensor, dir);
    tensor.externalData = [];
    clearField(tensor, TensorProtoSchema.field.dataLocation);
  }
  return model;
}
