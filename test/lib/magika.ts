/** The features of Magika's file classifier: 512 bytes from the beginning of a file and 512 from its end. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { SHARED } from './shared';

const [BEGIN, END, BLOCK, PADDING, SMALLEST] = [512, 512, 4096, 256, 8];
const SPACES = new Set([9, 10, 11, 12, 13, 32]);

/**
 * As magika's configuration says (`beg_size`, `end_size`, `block_size`, `padding_token`): white space is taken off the
 * outer ends of the first and last block, and what is missing is padded on the inner side.
 */
export function features(bytes: Uint8Array): Int32Array {
  const out = new Int32Array(BEGIN + END).fill(PADDING);
  let from = 0;
  const first = bytes.subarray(0, BLOCK);
  while (from < first.length && SPACES.has(first[from]!)) from++;
  out.set(first.subarray(from, from + BEGIN), 0);
  const last = bytes.subarray(Math.max(0, bytes.length - BLOCK));
  let to = last.length;
  while (to > 0 && SPACES.has(last[to - 1]!)) to--;
  const end = last.subarray(Math.max(0, to - END), to);
  out.set(end, BEGIN + END - end.length);
  return out;
}

/** Features of every open file that is long enough for the model, in the order of their paths. */
export function openFiles(): Int32Array[] {
  const files = readdirSync(path.dirname(SHARED), { recursive: true, encoding: 'utf8' }).sort();
  return files.flatMap((name) => {
    const file = path.join(path.dirname(SHARED), name);
    if (!statSync(file).isFile()) return [];
    const bytes = readFileSync(file);
    return bytes.length < SMALLEST ? [] : [features(bytes)];
  });
}
