import { codeRange, type QuantType } from '../../numeric';
import {
  Entries,
  isMap,
  paramsRange,
  plainRange,
  type ImportedRange,
  type ImportedRanges,
  type Json,
} from './imported';
import type { Unusable } from './unusable';

/** The version that is written: the last before 2.0.0, which older releases read as well. */
const VERSION = '1.0.0';

/**
 * AIMET's encodings: versions 0.4 to 0.6.1 (`activation_encodings: { name: [{ min, max, … }] }`), 1.0.0 (a list of
 * `{ name, bw, scale: […], offset: […] }`) and 2.0.0 (`encodings: [{ name, y_scale, y_zero_point, output_dtype }]`), as its
 * "Encoding Format Specification" has them.
 */
export function isAimet(json: Json): boolean {
  return isMap(json) && ('activation_encodings' in json || isEncodingList(json.encodings));
}

/** Ranges of activations (and, in 2.0.0, of whatever is there) with one scale each. */
export function readAimet(json: Json): Omit<ImportedRanges, 'format'> {
  const whole = json as { [key: string]: Json };
  const entries = new Entries();
  const add = (name: Json | undefined, found: ImportedRange | Unusable) => {
    if (typeof name === 'string') entries.add(name, found);
  };
  const activations = whole.activation_encodings;
  if (Array.isArray(activations))
    for (const entry of activations) if (isMap(entry)) add(entry.name, ofScaleAndOffset(entry));
  if (isMap(activations))
    for (const [name, list] of Object.entries(activations)) {
      const [one, ...more] = Array.isArray(list) ? list : [];
      add(name, more.length > 0 ? 'channels' : isMap(one) ? ofExtremes(one) : 'nothing');
    }
  if (Array.isArray(whole.encodings))
    for (const entry of whole.encodings) if (isMap(entry)) add(entry.name, ofQuantizeLinear(entry));
  const vernier = isMap(whole.vernier) ? whole.vernier : {};
  const { ranges, skipped } = entries;
  return { ranges, skipped, random: vernier.random === true };
}

/** Writes version 1.0.0. */
export function writeAimet(
  params: ReadonlyMap<string, { scale: number; zeroPoint: number; type: QuantType }>,
  random: boolean,
): string {
  const activations = [...params].map(([name, { scale, zeroPoint, type }]) => {
    const codes = codeRange(type);
    return {
      name,
      enc_type: 'PER_TENSOR',
      dtype: 'INT',
      bw: Math.log2(codes.max - codes.min + 1),
      is_sym: false,
      scale: [scale],
      // AIMET counts codes from the lowest: the offset is minus the number of codes below zero.
      offset: [codes.min - zeroPoint],
    };
  });
  const document = {
    version: VERSION,
    activation_encodings: activations,
    param_encodings: [],
    ...(random ? { vernier: { random: true } } : {}),
  };
  return JSON.stringify(document, null, 1);
}

/** Up to 0.6.1: extremes, and scale and offset besides. */
function ofExtremes(entry: { [key: string]: Json }): ImportedRange | Unusable {
  if (entry.dtype === 'float') return 'float';
  const { min, max } = entry;
  return typeof min === 'number' && typeof max === 'number' ? plainRange(min, max) : 'nothing';
}

/** 1.0.0: x = (q + offset) · scale, with q from 0 to 2^bw − 1, one of which stands for zero. */
function ofScaleAndOffset(entry: { [key: string]: Json }): ImportedRange | Unusable {
  const { bw, dtype } = entry;
  if (typeof dtype === 'string' && !/^int$/i.test(dtype)) return 'float';
  if (Array.isArray(entry.scale) && entry.scale.length > 1) return 'channels';
  const [scale, offset] = [single(entry.scale), single(entry.offset)];
  if (scale === null || offset === null) return 'nothing';
  if (typeof bw !== 'number' || !Number.isInteger(bw) || bw < 2 || bw > 32) return 'bits';
  if (!Number.isInteger(offset) || offset > 0 || offset <= -(2 ** bw)) return 'zero-point';
  const type = unsigned(bw);
  if (type) return paramsRange(scale, -offset, type);
  return scale > 0 ? plainRange(offset * scale, (offset + 2 ** bw - 1) * scale) : 'scale';
}

/** 2.0.0: the inputs of a QuantizeLinear. */
function ofQuantizeLinear(entry: { [key: string]: Json }): ImportedRange | Unusable {
  const { y_scale: scale, y_zero_point: zero = 0, output_dtype: type } = entry;
  if (Array.isArray(scale)) return 'channels';
  if (typeof scale !== 'number' || typeof zero !== 'number') return 'nothing';
  const known = (['uint8', 'int8', 'uint16', 'int16'] as const).find((t) => t === type);
  return known ? paramsRange(scale, zero, known) : 'type';
}

function unsigned(bits: number): QuantType | null {
  return bits === 8 ? 'uint8' : bits === 16 ? 'uint16' : null;
}

function single(value: Json | undefined): number | null {
  if (typeof value === 'number') return value;
  return Array.isArray(value) && value.length === 1 && typeof value[0] === 'number'
    ? value[0]
    : null;
}

function isEncodingList(value: Json | undefined): boolean {
  return Array.isArray(value) && value.every((v) => isMap(v) && 'y_scale' in v);
}
