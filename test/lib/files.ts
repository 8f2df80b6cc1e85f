import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';

/** A folder of this test file, gone at the end. */
export function temporaryFolder() {
  const dir = mkdtempSync(path.join(tmpdir(), 'vernier-test-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return {
    dir,
    /** Path of a file in it. */
    at: (...parts: string[]) => path.join(dir, ...parts),
    /** Writes a file in it and returns its path. */
    put(name: string, contents: string | Uint8Array): string {
      const file = path.join(dir, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, contents);
      return file;
    },
  };
}

type Numbers = Float32Array | BigInt64Array | Int32Array | Uint8Array;

function descr(values: Numbers): string {
  if (values instanceof Float32Array) return '<f4';
  if (values instanceof BigInt64Array) return '<i8';
  return values instanceof Int32Array ? '<i4' : '|u1';
}

/** The bytes of a NumPy array file in C order. */
export function npy(dims: readonly number[], values: Numbers): Uint8Array {
  const shape = dims.length === 1 ? `${dims[0]},` : dims.join(', ');
  const text = `{'descr': '${descr(values)}', 'fortran_order': False, 'shape': (${shape}), }`;
  const header = Buffer.from(`${text.padEnd(117)}\n`, 'latin1');
  const magic = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0]);
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return Buffer.concat([magic, header, bytes]);
}
