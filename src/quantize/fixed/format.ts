/**
 * Fixed point: signed integers of some bits with a power-of-two scale. A value is `code · 2^−fraction`. The format is
 * written Qm.n as ARM writes it: n = fraction, m = bits − n with the sign among them, so that m + n are the bits and int8
 * codes of 1/128 are Q1.7 (TI's notation leaves the sign out: Q0.7). Either may be negative.
 */
export interface FixedFormat {
  bits: number;
  /** Binary places behind the point; one for every channel where they differ. */
  fraction: number | readonly number[];
}

/** The fraction of a channel. */
export function fractionOf({ fraction }: FixedFormat, channel = 0): number {
  return typeof fraction === 'number' ? fraction : fraction[channel]!;
}

/** A format as people write it, e.g. `Q4.4`; with several fractions `Q4.4 … Q2.6`. */
export function formatText({ bits, fraction }: FixedFormat): string {
  const one = (n: number) => `Q${bits - n}.${n}`;
  if (typeof fraction === 'number') return one(fraction);
  const [low, high] = [Math.min(...fraction), Math.max(...fraction)];
  return low === high ? one(low) : `${one(low)} … ${one(high)}`;
}

/** Smallest and largest code of some bits. */
export function codesOf(bits: number): { low: number; high: number } {
  return { low: -(2 ** (bits - 1)), high: 2 ** (bits - 1) - 1 };
}

/** The exponent of a power of two; null for any other number. */
export function exponentOf(scale: number): number | null {
  const exponent = Math.log2(scale);
  return Number.isInteger(exponent) && 2 ** exponent === scale ? exponent : null;
}

/**
 * `value · 2^−shift`, rounded half to even as QuantizeLinear rounds; a negative shift goes left. Exact for integers of up
 * to 53 bits.
 */
export function shiftRight(value: number, shift: number): number {
  if (shift <= 0) return value * 2 ** -shift;
  const unit = 2 ** shift;
  const floor = Math.floor(value / unit);
  const rest = value - floor * unit;
  const half = unit / 2;
  return rest > half || (rest === half && floor % 2 !== 0) ? floor + 1 : floor;
}

/** `value / divisor` rounded half to even, for whole numbers and a divisor above 0. */
export function divideRounded(value: number, divisor: number): number {
  const floor = Math.floor(value / divisor);
  const rest = value - floor * divisor;
  const twice = 2 * rest;
  return twice > divisor || (twice === divisor && floor % 2 !== 0) ? floor + 1 : floor;
}

/** Keeps a number within two others. */
export function clamp(value: number, low: number, high: number): number {
  return value < low ? low : value > high ? high : value;
}
