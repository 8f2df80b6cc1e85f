import type { QuantType } from '../../numeric';
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
  const entries = new Entries();
  let random = false;
  for (const [name, list] of Object.entries(json as { [key: string]: Json[] })) {
    const [entry, ...more] = list;
    if (isMap(entry) && isMap(entry.vernier)) random ||= entry.vernier.random === true;
    const one = isMap(entry) ? ofEntry(entry, defaultType) : 'nothing';
    entries.add(name, more.length > 0 ? 'channels' : one);
  }
  const { ranges, skipped } = entries;
  return { ranges, skipped, random };
}

/** Writes such a file. onnxruntime passes over keys of an entry that it does not know, so that the mark is in each of them. */
export function writeOverrides(
  params: ReadonlyMap<string, { scale: number; zeroPoint: number; type: QuantType }>,
  random: boolean,
): string {
  const mark = random ? { vernier: { random: true } } : {};
  const names = Object.entries(TYPES);
  const entries = [...params].map(([name, { scale, zeroPoint, type }]) => {
    const word = names.find(([, t]) => t === type)![0];
    const quantType = `Q${word.startsWith('qu') ? 'UI' : 'I'}${word.replace(/^qu?i/, '')}`;
    return [name, [{ quant_type: quantType, scale, zero_point: zeroPoint, ...mark }]];
  });
  return JSON.stringify(Object.fromEntries(entries), null, 1);
}

function ofEntry(entry: { [key: string]: Json }, defaultType: QuantType): ImportedRange | Unusable {
  if ('axis' in entry) return 'channels';
  const { quant_type: word, scale, zero_point: zero, rmin, rmax } = entry;
  const type =
    typeof word === 'string'
      ? TYPES[word.replace(/^QuantType\./, '').toLowerCase()]
      : word === undefined
        ? defaultType
        : undefined;
  if (!type) return 'type';
  if (typeof scale === 'number' && typeof zero === 'number') return paramsRange(scale, zero, type);
  return typeof rmin === 'number' && typeof rmax === 'number' ? plainRange(rmin, rmax) : 'nothing';
}
