import { BLOCK_SEARCH_WASM } from './block-search-wasm';
import { webAssembly } from './web-assembly';

/** Longer runs are summed in doubles. */
export const MOST_SEARCHED = 4096;
/** Of magnitudes outside, a normalised value or a scale might not be a normal float32. */
const [SMALLEST, LARGEST] = [2 ** -100, 2 ** 120];

const [VALUES, SCALES, ZEROS] = [0, 4 * MOST_SEARCHED, 4 * MOST_SEARCHED + 1024];
const MOST_CANDIDATES = 256;

interface Exports {
  memory: { buffer: ArrayBuffer };
  best(end: number, scales: number, zeros: number, count: number, top: number): number;
}

/** Finds which of many scales costs a block of weights least, four values at a time in WebAssembly (`block-search.wat`). */
class BlockSearch {
  private readonly wasm: Exports;
  private readonly values: Float32Array;
  private readonly scales: Float32Array;
  private readonly zeros: Float32Array;

  constructor() {
    const module = new webAssembly.Module(Buffer.from(BLOCK_SEARCH_WASM, 'base64'));
    this.wasm = new webAssembly.Instance(module).exports as Exports;
    const { buffer } = this.wasm.memory;
    this.values = new Float32Array(buffer, VALUES, MOST_SEARCHED);
    this.scales = new Float32Array(buffer, SCALES, MOST_CANDIDATES);
    this.zeros = new Float32Array(buffer, ZEROS, MOST_CANDIDATES);
  }

  best(
    values: Float32Array,
    count: number,
    largest: number,
    { scales, zeros }: ScaleCandidates,
    bits: 4 | 8,
  ): number {
    const padded = Math.ceil(count / 4) * 4;
    const factor = 1 / largest;
    for (let i = 0; i < count; i++) this.values[i] = values[i]! * factor;
    this.values.fill(0, count, padded); // zeros have no error
    for (let j = 0; j < scales.length; j++) this.scales[j] = scales[j]! * factor;
    this.zeros.set(zeros);
    return this.wasm.best(4 * padded, SCALES, ZEROS, scales.length, 2 ** bits - 1);
  }
}

let search: BlockSearch | null = null;

/** Scales, each with its zero point. */
export interface ScaleCandidates {
  scales: readonly number[];
  zeros: readonly number[];
}

/**
 * The index of the candidate with the least `blockCost` over the first `count` values; among those that are equal to float32's
 * precision, any. Null for what float32 does not sum well: long runs, and magnitudes near the ends of its range.
 * @param largest the largest magnitude of these values
 */
export function searchScales(
  values: Float32Array,
  count: number,
  largest: number,
  candidates: ScaleCandidates,
  bits: 4 | 8,
): number | null {
  if (count > MOST_SEARCHED || !(largest > SMALLEST && largest < LARGEST)) return null;
  search ??= new BlockSearch();
  return search.best(values, count, largest, candidates, bits);
}
