import type { QuantType } from '../../numeric';
import {
  isMap,
  paramsRange,
  plainRange,
  type ImportedRange,
  type ImportedRanges,
  type Json,
} from './imported';

/** onnxruntime's names of types: of its QuantType, and of NumPy. */
const TYPES: Readonly<Record<string, QuantType>> = {
  quint8: 'uint8',
  qint8: 'int8',
  quint16: 'uint16',
  qint16: 'int16',
  uint8: 'uint8',
  int8: 'int8',
  uint16: 'uint16',
  int16: 'int16',
};

/**
 * `TensorQuantOverrides` of onnxruntime's quantize_static as JSON: a list for each tensor, of one map with `scale` and
 * `zero_point`, or `rmin` and `rmax`, and perhaps `quant_type`.
 */
export function isOverrides(json: Json): boolean {
  if (!isMap(json)) return false;
  const values = Object.values(json);
  return values.length > 0 && values.every((v) => Array.isArray(v) && v.every((e) => isMap(e)));
}

/** Ranges of such a file. Entries of several channels, and those that say nothing of a range, are skipped. */
export function readOverrides(
  json: Json,
  defaultType: QuantType = 'uint8',
): Omit<ImportedRanges, 'format'> {
  const ranges = new Map<string, ImportedRange>();
  const skipped: string[] = [];
  for (const [name, list] of Object.entries(json as { [key: string]: Json[] })) {
    const [entry] = list;
    const range = list.length === 1 && isMap(entry) ? ofEntry(entry, defaultType) : null;
    if (range) ranges.set(name, range);
    else skipped.push(name);
  }
  return { ranges, skipped, random: false };
}

/** Writes such a file. */
export function writeOverrides(
  params: ReadonlyMap<string, { scale: number; zeroPoint: number; type: QuantType }>,
): string {
  const names = Object.entries(TYPES);
  const entries = [...params].map(([name, { scale, zeroPoint, type }]) => {
    const word = names.find(([, t]) => t === type)![0];
    const quantType = `Q${word.startsWith('qu') ? 'UI' : 'I'}${word.replace(/^qu?i/, '')}`;
    return [name, [{ quant_type: quantType, scale, zero_point: zeroPoint }]];
  });
  return JSON.stringify(Object.fromEntries(entries), null, 1);
}

function ofEntry(entry: { [key: string]: Json }, defaultType: QuantType): ImportedRange | null {
  if ('axis' in entry) return null;
  const { quant_type: word, scale, zero_point: zero, rmin, rmax } = entry;
  const type =
    typeof word === 'string'
      ? TYPES[word.replace(/^QuantType\./, '').toLowerCase()]
      : word === undefined
        ? defaultType
        : undefined;
  if (!type) return null;
  if (typeof scale === 'number' && typeof zero === 'number') return paramsRange(scale, zero, type);
  return typeof rmin === 'number' && typeof rmax === 'number' ? plainRange(rmin, rmax) : null;
}
