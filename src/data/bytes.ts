import { open, stat } from 'node:fs/promises';
import { VernierError } from '../errors';

/** Bytes that are read by slices. */
export interface ByteSource {
  /** The file that errors name. */
  readonly file: string;
  readonly size: number;
  /** A fresh, aligned copy. @throws VernierError `data.bad-format` beyond the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** The error for a file that ends too early. */
export function truncated(file: string, message = `${file} ends too early.`): VernierError {
  return new VernierError('data.bad-format', message, {
    file,
    remedy: 'The file is truncated or damaged: write or copy it again.',
  });
}

/**
 * A file, or `size` bytes of it from `start`. It is opened for each slice, so that nothing stays open.
 * @throws VernierError `data.not-found`.
 */
export async function fileBytes(file: string, start = 0, size?: number): Promise<ByteSource> {
  const length = size ?? (await fileSize(file)) - start;
  return {
    file,
    size: length,
    async read(offset, count) {
      if (offset < 0 || count < 0 || offset + count > length) throw truncated(file);
      const bytes = new Uint8Array(count);
      const handle = await open(file);
      try {
        for (let done = 0; done < count;) {
          const { bytesRead } = await handle.read(bytes, done, count - done, start + offset + done);
          if (bytesRead === 0) throw truncated(file);
          done += bytesRead;
        }
      } finally {
        await handle.close();
      }
      return bytes;
    },
  };
}

/** Bytes in memory that came out of a file. */
export function memoryBytes(file: string, bytes: Uint8Array): ByteSource {
  return {
    file,
    size: bytes.length,
    async read(offset, count) {
      if (offset < 0 || count < 0 || offset + count > bytes.length) throw truncated(file);
      return bytes.slice(offset, offset + count);
    },
  };
}

async function fileSize(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (cause) {
    throw notFound(file, cause);
  }
}

/** The error for a file or folder that is not there or may not be read. */
export function notFound(file: string, cause?: unknown): VernierError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return code && code !== 'ENOENT' && code !== 'ENOTDIR'
    ? new VernierError('data.not-found', `${file} cannot be read (${code}).`, {
        file,
        remedy: 'Check the permissions of the file.',
      })
    : new VernierError('data.not-found', `There is no ${file}.`, {
        file,
        remedy: 'Check the path: it is relative to the folder of the recipe.',
      });
}
