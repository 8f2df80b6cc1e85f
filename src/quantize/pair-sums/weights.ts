/**
 * Weights as the integer kernels of x86 without VNNI walk them (DESIGN §4.4). Such a kernel multiplies unsigned 8-bit
 * activations with signed 8-bit weights two neighbours at a time and adds the two products in 16 bits (VPMADDUBSW),
 * which clips beyond −32768…32767; sums of pairs are then added in 32 bits.
 *
 * Which weights are neighbours was found by running kernels of onnxruntime 1.30 on an emulated Haswell: pairs begin at
 * even places of the depth. A matrix product walks along its inner axis; a convolution position by position of its
 * kernel, and at every position channel by channel of its group. Convolutions whose groups have one channel in and one
 * out multiply in more bits, and so do ConvInteger and kernels with signed activations or unsigned weights.
 */

/** Largest code of an unsigned 8-bit activation. */
const LARGEST_ACTIVATION = 255;
/** What 16 bits hold. */
const LARGEST_SUM = 32767;
const SMALLEST_SUM = -32768;

/** Weight codes of one kernel, one row per output channel, in the order in which they are multiplied. */
export interface KernelWeights {
  channels: number;
  /** Length of a row: the depth of the product, made even by a zero. */
  depth: number;
  codes: Int8Array;
}

/** True for a weight [M, C/group, k…] whose kernel multiplies channel by channel, in more bits. */
export function isDepthwise(dims: readonly number[], group: number): boolean {
  return dims[1] === 1 && dims[0] === group;
}

/** A convolution's weight [M, C/group, k…]: kernel positions outside, channels of the group inside. */
export function convWeights(codes: Int8Array, dims: readonly number[]): KernelWeights {
  const [channels, inputs] = dims as [number, number];
  const positions = dims.slice(2).reduce((a, b) => a * b, 1);
  const out = emptyWeights(channels, inputs * positions);
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < inputs; i++)
      for (let p = 0; p < positions; p++)
        out.codes[c * out.depth + p * inputs + i] = codes[(c * inputs + i) * positions + p]!;
  return out;
}

/**
 * A matrix [rows, columns] that stands right of the product (or, with `transposed`, [columns, rows]); columns are the
 * output channels.
 */
export function matrixWeights(
  codes: Int8Array,
  [rows, columns]: readonly [number, number],
  transposed: boolean,
): KernelWeights {
  const out = emptyWeights(columns, rows);
  for (let c = 0; c < columns; c++)
    for (let k = 0; k < rows; k++)
      out.codes[c * out.depth + k] = codes[transposed ? c * rows + k : k * columns + c]!;
  return out;
}

function emptyWeights(channels: number, depth: number): KernelWeights {
  const even = depth + (depth % 2);
  return { channels, depth: even, codes: new Int8Array(channels * even) };
}

/** Largest code that stands at each place of a row; where nothing is known every one can be 255. */
export type LargestCodes = ArrayLike<number> | null;

/** Largest codes of a convolution's rows from those of its input's channels. @param group which one, of how many inputs */
export function largestOfRow(
  byChannel: LargestCodes,
  { depth }: KernelWeights,
  inputs: number,
  group: number,
): LargestCodes {
  if (!byChannel) return null;
  return Uint8Array.from({ length: depth }, (_, k) => byChannel[group * inputs + (k % inputs)]!);
}

/**
 * The largest magnitude that the sum of a pair can reach, over all pairs of a channel and all activations from 0 to
 * the largest ones, as a multiple of what 16 bits hold: above 1 some activations make it clip.
 */
export function pairLoad(
  { codes, depth }: KernelWeights,
  channel: number,
  largest: LargestCodes = null,
): number {
  let [up, down] = [0, 0];
  for (let k = 0, at = channel * depth; k < depth; k += 2, at += 2) {
    const a = codes[at]! * (largest ? largest[k]! : LARGEST_ACTIVATION);
    const b = codes[at + 1]! * (largest ? largest[k + 1]! : LARGEST_ACTIVATION);
    up = Math.max(up, Math.max(a, 0) + Math.max(b, 0));
    down = Math.min(down, Math.min(a, 0) + Math.min(b, 0));
  }
  return Math.max(up / LARGEST_SUM, down / SMALLEST_SUM);
}

/** Places (even, in the row of the channel) of pairs that clip for some activations. */
export function clippingPairs({ codes, depth }: KernelWeights, channel: number): Int32Array {
  const found: number[] = [];
  for (let k = 0; k < depth; k += 2) {
    const [a, b] = [codes[channel * depth + k]!, codes[channel * depth + k + 1]!];
    const up = (Math.max(a, 0) + Math.max(b, 0)) * LARGEST_ACTIVATION;
    const down = (Math.min(a, 0) + Math.min(b, 0)) * LARGEST_ACTIVATION;
    if (up > LARGEST_SUM || down < SMALLEST_SUM) found.push(k);
  }
  return Int32Array.from(found);
}

/** Σ x·w of one row of activations and one channel of weights, without and with clipping of pairs. */
export function pairSums(
  row: Uint8Array,
  { codes, depth }: KernelWeights,
  channel: number,
): { exact: number; clipped: number } {
  let [exact, clipped] = [0, 0];
  for (let k = 0, w = channel * depth; k < depth; k += 2, w += 2) {
    const pair = row[k]! * codes[w]! + row[k + 1]! * codes[w + 1]!;
    exact += pair;
    clipped += pair > LARGEST_SUM ? LARGEST_SUM : pair < SMALLEST_SUM ? SMALLEST_SUM : pair;
  }
  return { exact, clipped };
}

/** True where the pair at place k of a channel clips on this row of activations. */
export function clips(
  row: Uint8Array,
  { codes, depth }: KernelWeights,
  channel: number,
  k: number,
): boolean {
  const at = channel * depth + k;
  const pair = row[k]! * codes[at]! + row[k + 1]! * codes[at + 1]!;
  return pair > LARGEST_SUM || pair < SMALLEST_SUM;
}
