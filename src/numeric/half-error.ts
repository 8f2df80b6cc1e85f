import type { Bins } from './expected-error';

/** Largest finite float16. */
export const HALF_MAX = 65504;
/** Smallest normal float16; below it steps no longer shrink with the value. */
export const HALF_NORMAL = 2 ** -14;
/** Values nearer to zero than this become zero as float16. */
export const HALF_VANISHES = 2 ** -25;
/** Integers up to this are all float16 numbers. */
export const HALF_INTEGERS = 2048;

/** What rounding to float16 does to values: sums of squares of the values and of their errors, and how many vanish. */
export interface HalfError {
  signal: number;
  noise: number;
  /** Values that are not zero and become zero. */
  vanished: number;
  /** Values that are not zero. */
  nonzero: number;
}

/**
 * Signal to noise of rounding to float16 in dB, at most 150. About 70 dB where values are normal (a step is 2⁻¹⁰ of the
 * power of two below the value, its error is uniform: step²/12), less where they lie below 6·10⁻⁵.
 */
export function halfErrorDb({ signal, noise }: HalfError): number {
  if (signal === 0 || noise === 0) return 150;
  return Math.min(150, 10 * Math.log10(signal / noise));
}

/** The step between neighbouring float16 numbers at a magnitude. */
function stepAt(magnitude: number): number {
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  return 2 ** (exponent - 10);
}

/** Zeros share their bin with float32's own subnormal numbers. */
const FLOAT_NORMAL = 2 ** -126;

/**
 * The error to expect of the values of a histogram, taken as spread evenly over their bins; numbers below 10⁻³⁸ count as
 * zero.
 */
export function expectedHalfError({ low, high, count }: Bins): HalfError {
  const sum: HalfError = { signal: 0, noise: 0, vanished: 0, nonzero: 0 };
  for (let i = 0; i < count.length; i++) {
    const [a, b, n] = [low[i]!, high[i]!, count[i]!];
    if (Math.max(-a, b) < FLOAT_NORMAL) continue;
    const square = (a * a + a * b + b * b) / 3;
    sum.nonzero += n;
    sum.signal += n * square;
    const magnitude = Math.sqrt(square);
    if (Math.max(-a, b) <= HALF_VANISHES) {
      sum.vanished += n;
      sum.noise += n * square;
    } else sum.noise += (n * stepAt(magnitude) ** 2) / 12;
  }
  return sum;
}

/** The error that values really get. @param round gives the float16 nearest to a value */
export function measuredHalfError(
  values: Float32Array,
  round: (value: number) => number,
): HalfError & { largest: number } {
  const sum = { signal: 0, noise: 0, vanished: 0, nonzero: 0, largest: 0 };
  for (const x of values) {
    if (x === 0 || x - x !== 0) continue;
    const y = round(x);
    const size = Math.abs(x);
    sum.nonzero++;
    if (y === 0) sum.vanished++;
    if (size > sum.largest) sum.largest = size;
    sum.signal += x * x;
    sum.noise += (x - y) ** 2;
  }
  return sum;
}
