/** Sessions of models in memory, whose weights may lie in files. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  DataLocation,
  entry,
  externalSource,
  inlineExternal,
  inlineTensors,
  isExternal,
  saveModel,
  serializeModel,
  tensorBytes,
  weightBytes,
  type ByteSource,
  type Model,
  type TensorProto,
} from '../onnx';
import { Session, type SessionSettings } from './session';

/** Up to so many bytes of weights are handed to the runtime in memory. */
const IN_MEMORY = 256 << 20;
/** Where a tensor must begin in a file to be used from there. */
const ALIGNMENT = 16;
/** Tensors of fewer bytes are carried by the message. */
const SMALL = 4096;

/**
 * Loads a model that is in memory. Small ones are handed over whole. Of large ones the runtime maps the files in which
 * weights lie, so that they take no memory of their own; what lies in none, or not as the runtime needs it, is written
 * into a temporary file first. Throws `model.does-not-load`, and what reading weights throws.
 * @param mapFrom bytes of weights up to which a model is handed over whole
 */
export async function openModel(
  model: Model,
  settings: SessionSettings = {},
  mapFrom = IN_MEMORY,
): Promise<Session> {
  const bytes = weightBytes(model);
  const referring = bytes > mapFrom ? byReference(model) : null;
  if (!referring && bytes <= IN_MEMORY)
    return Session.open(serializeModel(inlineExternal(model)), settings);
  if (referring) {
    const bytes = serializeModel(
      inlineTensors(referring.model, (t, own) => !(own && referring.kept.has(t.name))),
    );
    return Session.open(bytes, { ...settings, externalFolder: referring.folder });
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'vernier-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const file = path.join(folder, 'model.onnx');
    await saveModel(model, file, { weights: 'external' });
    const session = await Session.open(file, settings);
    session.onRelease(remove);
    return session;
  } catch (error) {
    await remove();
    throw error;
  }
}

/** The model with file names below one folder; null where too much of it lies in no file. */
function byReference(
  model: Model,
): { model: Model; folder: string; kept: ReadonlySet<string> } | null {
  const copy = model.copy();
  const found: { tensor: TensorProto; source: ByteSource }[] = [];
  let rest = 0;
  for (const tensor of copy.graph.initializer) {
    const bytes = tensorBytes(tensor);
    const source = isExternal(tensor) ? externalSource(tensor, model.dir, bytes) : null;
    const usable = source?.extent && bytes >= SMALL && source.extent.offset % ALIGNMENT === 0;
    if (usable) found.push({ tensor, source });
    else rest += bytes;
  }
  const folder = commonFolder(found.map(({ source }) => path.dirname(source.extent!.file)));
  if (rest > IN_MEMORY || folder === null) return null;
  for (const { tensor, source } of found) {
    const { file, offset } = source.extent!;
    tensor.rawData = new Uint8Array();
    tensor.dataLocation = DataLocation.EXTERNAL;
    tensor.externalData = [
      entry('location', path.relative(folder, file).replaceAll('\\', '/')),
      entry('offset', String(offset)),
      entry('length', String(source.length)),
    ];
  }
  return { model: copy, folder, kept: new Set(found.map(({ tensor }) => tensor.name)) };
}

/** The deepest folder that holds all of these; null where there is none (another drive). */
function commonFolder(folders: readonly string[]): string | null {
  const [first, ...others] = folders;
  if (first === undefined) return null;
  let common = first;
  const holds = (folder: string) => {
    const way = path.relative(common, folder);
    return !way.startsWith('..') && !path.isAbsolute(way);
  };
  while (!others.every(holds)) {
    const up = path.dirname(common);
    if (up === common) return null;
    common = up;
  }
  return common;
}
