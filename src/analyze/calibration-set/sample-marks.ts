import { createHash } from 'node:crypto';
import { toNumbers, type Feed } from '../../data';

/** Values that a sketch keeps of each input. */
const SKETCH = 64;
/** Sketches of so many samples are kept, to be compared with each other. */
const MOST_SKETCHES = 1024;
/** Two samples whose sketches differ by less than this share of how samples vary show the same thing. */
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
  /** Inputs with NaN or infinity, with the first of each; left out where there is none. */
  notFinite?: { input: string; element: number; value: string }[];
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
  const notFinite: NonNullable<SampleMark['notFinite']> = [];
  for (const name of Object.keys(feed).sort()) {
    const { data, dims, type } = feed[name]!;
    hash.update(`${name} ${type} ${dims.join('x')} `);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    if (data.length > 1 && data.every((x) => x === data[0])) constant.push(name);
    if (!type.includes('float')) continue;
    const values = toNumbers(data, type);
    let element = 0;
    while (element < values.length && Number.isFinite(values[element])) element++;
    if (element < values.length)
      notFinite.push({ input: name, element, value: String(values[element]) });
    if (position < MOST_SKETCHES) sketch.push(...stretches(values));
  }
  const mark = { position, name, hash: hash.digest('hex'), sketch, constant };
  return notFinite.length > 0 ? { ...mark, notFinite } : mark;
}

/** What samples are called, by position. */
export function namesAt(marks: readonly SampleMark[]): (position: number) => string {
  const names = new Map(marks.map(({ position, name }) => [position, name]));
  return (position) => names.get(position) ?? `sample ${position}`;
}

/** So many samples are named. */
const NAMED = 3;

/** The first of some samples by name, and whether there are more. */
export function firstNames(
  positions: readonly number[],
  nameAt: (position: number) => string,
): string {
  const more = positions.length > NAMED ? ', …' : '';
  return positions.slice(0, NAMED).map(nameAt).join(', ') + more;
}

/** Finds samples that were seen before. */
export function findDuplicates(marks: readonly SampleMark[]): Duplicates {
  const found: Duplicates = { exact: [], near: [] };
  const first = new Map<string, number>();
  const sketched = new Map<number, SampleMark[]>();
  for (const mark of [...marks].sort((a, b) => a.position - b.position)) {
    const earlier = first.get(mark.hash);
    if (earlier !== undefined) {
      found.exact.push([mark.position, earlier]);
      continue;
    }
    first.set(mark.hash, mark.position);
    const { length } = mark.sketch;
    sketched.set(length, [...(sketched.get(length) ?? []), mark]);
  }
  for (const alike of sketched.values()) found.near.push(...nearOnes(alike));
  found.near.sort(([a], [b]) => a - b);
  return found;
}

/** Of samples with sketches of one length: those that differ from an earlier one by next to nothing. */
function nearOnes(marks: readonly SampleMark[]): [position: number, earlier: number][] {
  const variances = variancesOf(marks.map(({ sketch }) => sketch));
  const near: [number, number][] = [];
  for (const [i, mark] of marks.entries()) {
    const twin = marks.slice(0, i).find((other) => isNear(mark.sketch, other.sketch, variances));
    if (twin) near.push([mark.position, twin.position]);
  }
  return near;
}

/** How each stretch varies from sample to sample: what is the same in all, as channels of other levels are, tells nothing. */
function variancesOf(sketches: readonly (readonly number[])[]): number[] {
  return (sketches[0] ?? []).map((_, k) => {
    const values = sketches.map((sketch) => sketch[k]!).filter(Number.isFinite);
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    return values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  });
}

/** True where two sketches differ by next to nothing, each stretch measured by how it varies. */
function isNear(a: readonly number[], b: readonly number[], variances: readonly number[]): boolean {
  if (a.length < 2) return false;
  let [varying, difference] = [0, 0];
  for (const [i, variance] of variances.entries()) {
    if (!(variance > 0)) continue;
    varying++;
    difference += (a[i]! - b[i]!) ** 2 / variance;
  }
  return varying > 0 && difference < NEAR ** 2 * varying;
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
