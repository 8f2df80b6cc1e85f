import { createHash } from 'node:crypto';
import { toNumbers, type Feed } from '../../data';

/** Values that a sketch keeps of each input. */
const SKETCH = 64;
/** Sketches of so many samples are kept, to be compared with each other. */
const MOST_SKETCHES = 1024;
/** Two samples whose sketches differ by less than this share of their spread show the same thing. */
const NEAR = 0.02;

/** What is remembered of a sample to find others like it. */
export interface SampleMark {
  position: number;
  /** Where it came from, e.g. `cat.jpg` or `calibration.npy[3]`. */
  name: string;
  /** Hash of all inputs: equal hashes are equal samples. */
  hash: string;
  /** Means of equal stretches of its float inputs, one after the other; empty from the 1025th sample on. */
  sketch: number[];
  /** Inputs that have one value only. */
  constant: string[];
}

/** Samples that are the same, or nearly so. */
export interface Duplicates {
  /** Positions of samples that are equal to an earlier one, with that one's. */
  exact: [position: number, earlier: number][];
  near: [position: number, earlier: number][];
}

/** Marks a sample. @param name where it came from */
export function markSample(feed: Feed, position: number, name: string): SampleMark {
  const hash = createHash('sha1');
  const sketch: number[] = [];
  const constant: string[] = [];
  for (const name of Object.keys(feed).sort()) {
    const { data, dims, type } = feed[name]!;
    hash.update(`${name} ${type} ${dims.join('x')} `);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    if (data.length > 1 && data.every((x) => x === data[0])) constant.push(name);
    if (type.includes('float') && position < MOST_SKETCHES)
      sketch.push(...stretches(toNumbers(data, type)));
  }
  return { position, name, hash: hash.digest('hex'), sketch, constant };
}

/** Finds samples that were seen before. */
export function findDuplicates(marks: readonly SampleMark[]): Duplicates {
  const found: Duplicates = { exact: [], near: [] };
  const first = new Map<string, number>();
  const distinct: SampleMark[] = [];
  for (const mark of [...marks].sort((a, b) => a.position - b.position)) {
    const earlier = first.get(mark.hash);
    if (earlier !== undefined) {
      found.exact.push([mark.position, earlier]);
      continue;
    }
    first.set(mark.hash, mark.position);
    if (mark.sketch.length === 0) continue;
    const twin = distinct.find((other) => near(mark.sketch, other.sketch));
    if (twin) found.near.push([mark.position, twin.position]);
    distinct.push(mark);
  }
  return found;
}

/** True where two sketches differ by next to nothing, measured by how much each varies in itself. */
function near(a: readonly number[], b: readonly number[]): boolean {
  if (a.length < 2 || a.length !== b.length) return false;
  const mean = a.reduce((sum, x) => sum + x, 0) / a.length;
  let [spread, difference] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    spread += (a[i]! - mean) ** 2;
    difference += (a[i]! - b[i]!) ** 2;
  }
  return spread > 0 && difference < NEAR ** 2 * spread;
}

function stretches(values: ArrayLike<number>): number[] {
  const count = Math.min(SKETCH, values.length);
  return Array.from({ length: count }, (_, k) => {
    const [from, to] = [k, k + 1].map((i) => Math.floor((i * values.length) / count));
    let sum = 0;
    for (let i = from!; i < to!; i++) sum += values[i]!;
    return Math.fround(sum / (to! - from!));
  });
}
