import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { cpus } from 'node:os';
import path from 'node:path';
import type { Feed } from '../onnx';
import type { Store } from './store';

/** Changes whenever the engine computes something else from the same input. */
export const ENGINE_VERSION = '5';

/** Version of the product; a test holds it to the manifest's. */
export const VERSION = '0.1.0';

interface Hashed {
  stamp: string;
  hash: string;
}

const known = new Map<string, Hashed>();

/** Hashes of files of more bytes are kept on disk, too: they take seconds. */
const WORTH_KEEPING = 256 << 20;
/** Document that they are kept in. */
const HASHES = 'hashes';

/**
 * SHA-256 of a file's bytes, remembered while size and time of change stay the same; that of a large file also in `store`.
 */
export async function fileKey(file: string, store?: Store): Promise<string> {
  const { size, mtimeMs, ino } = await stat(file);
  const stamp = `${size} ${mtimeMs} ${ino}`;
  const before = known.get(file);
  if (before?.stamp === stamp) return before.hash;
  const kept = size > WORTH_KEEPING ? ((await store?.read<Kept>(HASHES)) ?? {}) : {};
  const earlier = kept[file];
  if (earlier?.stamp === stamp) {
    known.set(file, earlier);
    return earlier.hash;
  }
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 4 << 20 }))
    hash.update(chunk as Buffer);
  const found = { stamp, hash: hash.digest('hex') };
  known.set(file, found);
  if (size > WORTH_KEEPING) await store?.write(HASHES, { ...kept, [file]: found });
  return found.hash;
}

/** SHA-256 of a file, or of what would be one. */
export async function contentKey(content: string | Uint8Array): Promise<string> {
  if (typeof content === 'string') return fileKey(content);
  return createHash('sha256').update(content).digest('hex');
}

type Kept = Record<string, Hashed | undefined>;

/** Hashes of a model's file and of the data files that it refers to. */
export interface ModelHashes {
  model: string;
  /** In order of name; empty where the model stands alone. */
  data: { name: string; hash: string }[];
}

/** Data files of models by the hash of the model's file and its folder. */
const dataFiles = new Map<string, string[]>();

/**
 * Hashes everything that a model is made of. @param filesOf lists its data files; called once for the same bytes. Throws what
 * it throws, and what reading files throws.
 */
export async function modelHashes(
  file: string,
  filesOf: () => Promise<string[]>,
  store?: Store,
): Promise<ModelHashes> {
  const model = await fileKey(file, store);
  const id = `${path.dirname(file)} ${model}`;
  let files = dataFiles.get(id);
  if (!files) dataFiles.set(id, (files = [...(await filesOf())].sort()));
  const data: ModelHashes['data'] = [];
  for (const each of files)
    data.push({ name: path.basename(each), hash: await fileKey(each, store) });
  return { model, data };
}

/** A key of anything that JSON can say. */
export function keyOf(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

/** The processor: its kernels decide what was measured, and integer sums may clip on another one. */
export function processor(): string {
  return cpus()[0]?.model ?? process.arch;
}

/** SHA-256 of what samples hold. */
export function feedsHash(feeds: readonly Feed[]): string {
  const hash = createHash('sha256');
  for (const feed of feeds)
    for (const [name, { type, dims, data }] of Object.entries(feed)) {
      hash.update(JSON.stringify([name, type, dims, data.length]));
      hash.update(ArrayBuffer.isView(data) ? data : JSON.stringify(data));
    }
  return hash.digest('hex');
}
