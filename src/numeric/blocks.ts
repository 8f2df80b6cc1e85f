import { blockCost, powerOf, usableScale, type BlockParams } from './block-params';
import { searchScales, type ScaleCandidates } from './block-search';
import { hqq } from './hqq';
import { roundHalfEven } from './round';

/** How a run of weights that shares one scale is quantized. Codes are unsigned: 0 … 15, or 0 … 255. */
export interface BlockFormat {
  bits: 4 | 8;
  /** The zero point is the middle code (8 or 128); else it is chosen with the range. */
  symmetric: boolean;
  /** `rtn`: round to nearest; `hqq`: {@link hqq}, which chooses zero points, so not where symmetric. */
  method: 'rtn' | 'hqq';
  /** Some readers of scales want them above zero; a sign uses the one code more that there is below the middle. */
  signedScale: boolean;
}

/** Shares of the full range that are tried with 4 bits: to clip the extremes of a block a little can pay. With 8 it never does. */
const SHARES = Array.from({ length: 26 }, (_, i) => 1 - 0.01 * i);
const WHOLE = [1];

/**
 * Chooses scale and zero point for the first `count` values. A block of zeros gets scale 1. Null where a value is NaN or
 * infinite.
 */
export function fitBlock(
  values: Float32Array,
  count: number,
  format: BlockFormat,
): BlockParams | null {
  let [low, high, finite] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    const x = values[i]!;
    finite += x - x; // NaN for NaN and infinities
    if (x < low) low = x;
    else if (x > high) high = x;
  }
  if (Number.isNaN(finite)) return null;
  if (format.symmetric) return symmetric(values, count, low, high, format);
  const rtn = asymmetric(values, count, low, high, format.bits);
  return format.method === 'hqq' ? hqq(values, count, rtn, format.bits) : rtn;
}

/**
 * The code of the first `count` values: `clamp(round_half_even(x / scale) + zero)`, the division in float32 as
 * QuantizeLinear does it.
 */
export function encodeBlock(
  values: Float32Array,
  count: number,
  { scale, zero }: BlockParams,
  bits: 4 | 8,
  codes: Uint8Array,
): void {
  const top = 2 ** bits - 1;
  for (let i = 0; i < count; i++) {
    const q = roundHalfEven(Math.fround(values[i]! / scale)) + zero;
    codes[i] = q < 0 ? 0 : q > top ? top : q;
  }
}

/**
 * Of scales that put the largest magnitude on the last code above the middle (both ends then reach it) or the extreme
 * on the last code below the middle, which is one step finer (as llama.cpp's Q4_0 has it; where that extreme is
 * positive the scale is negative), each clipped a little or not, the one that costs least.
 */
function symmetric(
  values: Float32Array,
  count: number,
  low: number,
  high: number,
  { bits, signedScale }: BlockFormat,
): BlockParams {
  const half = 2 ** (bits - 1);
  const largest = Math.max(-low, high);
  const finer = -low >= high ? largest / half : signedScale ? -largest / half : null;
  if (bits === 8) return { scale: usableScale(finer ?? largest / (half - 1)), zero: half };
  const scales: number[] = [];
  for (const share of SHARES)
    for (const full of [finer, largest / (half - 1)])
      if (full !== null) scales.push(usableScale(share * full));
  const zeros = scales.map(() => half);
  return cheapest(values, count, largest, { scales, zeros }, bits);
}

/** From the lowest to the highest value, clipped a little or not; zero is always inside and exact (DESIGN §4.1). */
function asymmetric(
  values: Float32Array,
  count: number,
  low: number,
  high: number,
  bits: 4 | 8,
): BlockParams {
  const top = 2 ** bits - 1;
  const [scales, zeros]: [number[], number[]] = [[], []];
  for (const share of bits === 8 ? WHOLE : SHARES) {
    const scale = usableScale((share * (high - low)) / top);
    scales.push(scale);
    zeros.push(Math.min(top, Math.max(0, roundHalfEven((-share * low) / scale))));
  }
  return cheapest(values, count, Math.max(-low, high), { scales, zeros }, bits);
}

/** The candidate that costs least. */
function cheapest(
  values: Float32Array,
  count: number,
  largest: number,
  candidates: ScaleCandidates,
  bits: 4 | 8,
): BlockParams {
  const { scales, zeros } = candidates;
  const at = (i: number): BlockParams => ({ scale: scales[i]!, zero: zeros[i]! });
  if (scales.length === 1) return at(0);
  const found = searchScales(values, count, largest, candidates, bits);
  if (found !== null) return at(found);
  let [best, least] = [0, Infinity];
  const power = powerOf(values, count);
  for (let i = 0; i < scales.length; i++) {
    const error = blockCost(values, count, at(i), bits, power, least);
    if (error < least) [best, least] = [i, error];
  }
  return at(best);
}
