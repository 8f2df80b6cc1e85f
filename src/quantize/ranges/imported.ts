import { VernierError, type ErrorPlace } from '../../errors';
import { codeRange, SMALLEST_SCALE, type QuantParams, type QuantType } from '../../numeric';
import type { RangeFormat } from './formats';
import type { Unusable } from './unusable';

/** A range that a file gives to a tensor. */
export interface ImportedRange {
  min: number;
  max: number;
  /** Scale and zero point where the file fixes them, for the type that it names. */
  params: (QuantParams & { type: QuantType }) | null;
  /** The file knows magnitudes only: the range is as wide below zero as above, whether or not there is anything. */
  symmetric: boolean;
}

/** All that a file says. */
export interface ImportedRanges {
  format: RangeFormat;
  /** By tensor, as the file names it. */
  ranges: Map<string, ImportedRange>;
  /** Entries that are not used, and why, by tensor. */
  skipped: Map<string, Unusable>;
  /** The file says of itself that its ranges come from random data. */
  random: boolean;
}

/** Entries of a file as they are read. */
export class Entries {
  readonly ranges = new Map<string, ImportedRange>();
  readonly skipped = new Map<string, Unusable>();

  add(tensor: string, found: ImportedRange | Unusable): void {
    if (typeof found === 'string') this.skipped.set(tensor, found);
    else this.ranges.set(tensor, found);
  }
}

/** An entry's range, unless it is none: an end that is no finite float32, or the wrong way round. */
export function plainRange(min: number, max: number): ImportedRange | Unusable {
  if (!isFloat32(min) || !isFloat32(max)) return 'not-finite';
  return min > max ? 'swapped' : { min, max, params: null, symmetric: false };
}

/** The range of a largest magnitude. */
export function magnitudeRange(most: number): ImportedRange | Unusable {
  if (!isFloat32(most)) return 'not-finite';
  return most < 0 ? 'below-zero' : { min: -most, max: most, params: null, symmetric: true };
}

/** The range that a scale and a zero point stand for. The scale must be a normal float32, as must all that codes stand for. */
export function paramsRange(
  scale: number,
  zeroPoint: number,
  type: QuantType,
): ImportedRange | Unusable {
  const codes = codeRange(type);
  if (!Number.isInteger(zeroPoint) || zeroPoint < codes.min || zeroPoint > codes.max)
    return 'zero-point';
  const [min, max] = [(codes.min - zeroPoint) * scale, (codes.max - zeroPoint) * scale];
  const written = Math.fround(scale);
  if (!(written >= SMALLEST_SCALE) || !isFloat32(min) || !isFloat32(max)) return 'scale';
  const params = { scale: written, zeroPoint: zeroPoint + 0, type };
  return { min, max, params, symmetric: false };
}

/** True for numbers that a float32 can be near: neither NaN nor infinite when it is written. */
function isFloat32(value: number): boolean {
  return Number.isFinite(Math.fround(value));
}

/** The error for a file that is of no format that is known, or broken. @param place the line or tensor, where there is one */
export function notRanges(
  file: string,
  why: string,
  place: Pick<ErrorPlace, 'line' | 'tensor' | 'remedy'> = {},
): VernierError {
  return new VernierError('data.bad-format', `'${file}' holds no ranges: ${why}.`, {
    file,
    remedy:
      'Give a calibration table of onnxruntime (.json, .flatbuffers, .cache) or TensorRT, AIMET encodings, or TensorQuantOverrides as JSON.',
    ...place,
  });
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** True for a JSON object. */
export function isMap(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
