import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import { openNpz } from '../../src/data/npz';
import type { InputSpec } from '../../src/data/source';
import { fixture } from './shared';

/** A folder for this test file, with what is put into it; gone at the end. */
export function tempFolder() {
  const dir = mkdtempSync(join(tmpdir(), 'vernier-data-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return {
    dir,
    put: (name: string, contents: string | Uint8Array): string => {
      const file = join(dir, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, contents);
      return file;
    },
  };
}

/** The bytes of one of the array files in fixtures/npys.zip. */
export async function npyFixture(name: string): Promise<Uint8Array> {
  const array = (await openNpz(fixture('npys.zip'), (entry) => entry === name)).get(name)!;
  return array.bytes.read(0, array.bytes.size);
}

/** A float32 array file in C order. */
export function npy(dims: readonly number[], values: ArrayLike<number>, descr = '<f4'): Uint8Array {
  const shape = dims.length === 1 ? `${dims[0]},` : dims.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`;
  const header = Buffer.from(text.padEnd(117) + '\n', 'latin1');
  const data =
    descr === '<i8' ? BigInt64Array.from(values as number[], BigInt) : Float32Array.from(values);
  return Buffer.concat([
    Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0]),
    header,
    new Uint8Array(data.buffer),
  ]);
}

/** An input of a model. */
export const input = (
  name: string,
  shape: InputSpec['shape'],
  type: InputSpec['type'] = 'float32',
): InputSpec => ({ name, type, shape });

/** Integers from 0 up. */
export const count = (n: number) => Array.from({ length: n }, (_, i) => i);
