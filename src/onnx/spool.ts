/** A file for values that are made one after the other and would not fit into memory together. */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { FileBytes, type ByteSource } from './held';

/** Tensors begin at multiples of this, so that the runtime can map them. */
const ALIGNMENT = 64;

/** Values in a file of their own. The file comes with the first of them and goes with {@link dispose}. */
export class Spool {
  private handle: number | null = null;
  private end = 0;

  /** @param file where it may be written; nothing is there until something is put */
  constructor(readonly file: string) {}

  /** Writes bytes and says where they are to be had. Throws what writing throws (`ENOSPC` on a full disk). */
  put(bytes: Uint8Array): ByteSource {
    this.handle ??= this.create();
    const offset = Math.ceil(this.end / ALIGNMENT) * ALIGNMENT;
    for (let done = 0; done < bytes.length;) {
      const most = Math.min(bytes.length - done, 1 << 30);
      done += writeSync(this.handle, bytes, done, most, offset + done);
    }
    this.end = offset + bytes.length;
    return new FileBytes({ file: this.file, offset }, bytes.length);
  }

  /** Removes the file. What was put into it cannot be read any more. */
  dispose(): void {
    if (this.handle === null) return;
    process.off('exit', this.onExit);
    closeSync(this.handle);
    this.handle = null;
    rmSync(this.file, { force: true });
  }

  private create(): number {
    process.once('exit', this.onExit);
    return openSync(this.file, 'w');
  }

  private readonly onExit = () => this.dispose();
}
