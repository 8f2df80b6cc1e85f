import { roundHalfEven } from './round';

/** Integer types that a tensor can be quantized to. */
export type QuantType = 'uint8' | 'int8' | 'uint16' | 'int16' | 'int32';

/** A scale (a float32 value, > 0) and the integer that stands for zero. */
export interface QuantParams {
  scale: number;
  zeroPoint: number;
}

/**
 * What was odd about a range. `empty`: no value was seen; `not-finite`: an end was NaN or infinite;
 * `zero`: every value was zero; `constant`: every value was the same; `tiny`, `huge`: too narrow or too wide for a float32 scale.
 */
export type RangeOddity = 'empty' | 'not-finite' | 'zero' | 'constant' | 'tiny' | 'huge';

/** Parameters, and what the reader must be told about the range they came from (null: nothing). */
export interface ChosenParams extends QuantParams {
  oddity: RangeOddity | null;
}

/** How the range becomes codes. */
export interface ParamOptions {
  /** Zero in the middle and as many codes below as above it (int8: −127…127). Default false. */
  symmetric?: boolean;
  /** Use only that many bits of the type, e.g. 7 of int8 against saturation. Default all. */
  bits?: number;
}

const widths: Record<QuantType, { bits: number; signed: boolean }> = {
  uint8: { bits: 8, signed: false },
  int8: { bits: 8, signed: true },
  uint16: { bits: 16, signed: false },
  int16: { bits: 16, signed: true },
  int32: { bits: 32, signed: true },
};

/** The smallest and largest code in use: int8 is −128…127, and −127…127 where symmetric. */
export function codeRange(
  type: QuantType,
  { symmetric = false, bits }: ParamOptions = {},
): { min: number; max: number } {
  const { bits: all, signed } = widths[type];
  const used = Math.min(bits ?? all, all);
  const codes = 2 ** used;
  const middle = signed ? 0 : 2 ** (all - 1);
  if (symmetric) return { min: middle - codes / 2 + 1, max: middle + codes / 2 - 1 };
  return signed ? { min: -codes / 2, max: codes / 2 - 1 } : { min: 0, max: codes - 1 };
}

/** The narrowest scale that is a normal float32. */
export const SMALLEST_SCALE = 2 ** -126;

/**
 * The scale and zero point for values from `min` to `max`. The range is first widened to hold zero, so that
 * zero is exactly representable (DESIGN §4.1); the scale is a float32 value. Ranges that say nothing
 * (empty, not finite, only zeros, too narrow or too wide) get scale 1 and the code of zero, and say so in `oddity`.
 */
export function chooseParams(
  min: number,
  max: number,
  type: QuantType,
  options: ParamOptions = {},
): ChosenParams {
  const { symmetric = false } = options;
  const codes = codeRange(type, options);
  const middle = (codes.min + codes.max) / 2;
  const nothing = symmetric ? middle : Math.max(codes.min, Math.min(codes.max, 0));
  const useless = (oddity: RangeOddity) => ({ scale: 1, zeroPoint: nothing, oddity });
  if (Number.isNaN(min) || Number.isNaN(max)) return useless('not-finite');
  if (min > max) return useless('empty');
  if (!Number.isFinite(min) || !Number.isFinite(max)) return useless('not-finite');
  if (min === 0 && max === 0) return useless('zero');
  const oddity: RangeOddity | null = min === max ? 'constant' : null;

  const low = symmetric ? -Math.max(-min, max) : Math.min(min, 0);
  const high = symmetric ? Math.max(-min, max) : Math.max(max, 0);
  const scale = Math.fround((high - low) / (codes.max - codes.min));
  if (scale < SMALLEST_SCALE) return useless('tiny');
  if (!Number.isFinite(scale)) return useless('huge');
  if (symmetric) return { scale, zeroPoint: middle, oddity };
  const zeroPoint = roundHalfEven(codes.min - low / scale);
  return { scale, zeroPoint: Math.max(codes.min, Math.min(codes.max, zeroPoint)), oddity };
}

/** The smallest power of two that is no smaller than a scale: what fixed point can express without clipping. */
export function powerOfTwo(scale: number): number {
  const exponent = Math.ceil(Math.log2(scale));
  // log2 may round up to the next whole number
  return 2 ** (exponent - 1) >= scale ? 2 ** (exponent - 1) : 2 ** exponent;
}
