import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

/** Changes whenever the engine computes something else from the same input. */
export const ENGINE_VERSION = '1';

/** Version of the product; a test holds it to the manifest's. */
export const VERSION = '0.1.0';

const known = new Map<string, { stamp: string; hash: string }>();

/** SHA-256 of a file's bytes, remembered while size and time of change stay the same. */
export async function fileKey(file: string): Promise<string> {
  const { size, mtimeMs, ino } = await stat(file);
  const stamp = `${size} ${mtimeMs} ${ino}`;
  const before = known.get(file);
  if (before?.stamp === stamp) return before.hash;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  const hex = hash.digest('hex');
  known.set(file, { stamp, hash: hex });
  return hex;
}

/** A key of anything that JSON can say. */
export function keyOf(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}
