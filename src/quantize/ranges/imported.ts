import { VernierError } from '../../errors';
import { codeRange, type QuantParams, type QuantType } from '../../numeric';
import type { RangeFormat } from './formats';

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
  /** Entries that are no range of one tensor (per channel, floats): their names. */
  skipped: string[];
  /** The file says of itself that its ranges come from random data. */
  random: boolean;
}

/** An entry's range, unless it is none: not finite, or the wrong way round. */
export function plainRange(min: number, max: number): ImportedRange | null {
  if (!Number.isFinite(min) || !Number.isFinite(max) || min > max) return null;
  return { min, max, params: null, symmetric: false };
}

/** The range of a largest magnitude. */
export function magnitudeRange(most: number): ImportedRange | null {
  if (!Number.isFinite(most) || most < 0) return null;
  return { min: -most, max: most, params: null, symmetric: true };
}

/** The range that a scale and a zero point stand for. */
export function paramsRange(
  scale: number,
  zeroPoint: number,
  type: QuantType,
): ImportedRange | null {
  if (!(scale > 0) || !Number.isFinite(scale) || !Number.isInteger(zeroPoint)) return null;
  const codes = codeRange(type);
  if (zeroPoint < codes.min || zeroPoint > codes.max) return null;
  const params = { scale: Math.fround(scale), zeroPoint: zeroPoint + 0, type };
  return {
    min: (codes.min - zeroPoint) * scale,
    max: (codes.max - zeroPoint) * scale,
    params,
    symmetric: false,
  };
}

/** The error for a file that is of no format that is known. */
export function notRanges(file: string, why: string): VernierError {
  return new VernierError('data.bad-format', `'${file}' holds no ranges: ${why}.`, {
    file,
    remedy:
      'Give a calibration table of onnxruntime (.json, .flatbuffers, .cache) or TensorRT, AIMET encodings, or TensorQuantOverrides as JSON.',
  });
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** True for a JSON object. */
export function isMap(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
