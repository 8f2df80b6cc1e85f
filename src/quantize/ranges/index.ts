import type { VernierError } from '../../errors';
import { isAimet, readAimet, writeAimet } from './aimet';
import {
  largest,
  readCalibrationText,
  writeOnnxruntimeText,
  writeTensorrtCache,
} from './calibration-text';
import type { RangeFormat } from './formats';
import { readTable, writeTable } from './flatbuffers-table';
import { Entries, magnitudeRange, notRanges, type ImportedRanges, type Json } from './imported';
import { isOnnxruntimeJson, readOnnxruntimeJson, writeOnnxruntimeJson } from './onnxruntime-json';
import { isOverrides, readOverrides, writeOverrides } from './overrides';
import { UNUSABLE } from './unusable';
import type { QuantParams, QuantType } from '../../numeric';

export { marksRandom, RANGE_FORMATS, type RangeFormat } from './formats';
export type { ImportedRange, ImportedRanges } from './imported';
export { UNUSABLE, type Unusable } from './unusable';

/**
 * Reads a file of ranges of any format that is known; which one it is, its contents tell.
 * @param defaultType type of an override that names none
 * @throws VernierError `data.bad-format`
 */
export function readRanges(
  file: string,
  bytes: Uint8Array,
  defaultType: QuantType = 'uint8',
): ImportedRanges {
  const text = textOf(bytes);
  const found = text === null ? readFlatbuffers(bytes) : readText(file, text, defaultType);
  if (!found) throw notRanges(file, 'it is of no known format');
  if (found.ranges.size === 0) throw nothingUsable(file, found);
  return found;
}

/** The error for a file of which nothing can be used; the first entry says why. */
function nothingUsable(file: string, { skipped }: ImportedRanges): VernierError {
  const [first] = skipped;
  if (!first) return notRanges(file, 'it has no entries');
  const [tensor, kind] = first;
  const { why, remedy } = UNUSABLE[kind];
  const which = skipped.size > 1 ? `none of its ${skipped.size} entries is usable, ` : '';
  return notRanges(file, `${which}'${tensor}' is not: ${why}`, {
    tensor,
    ...(remedy !== null && { remedy }),
  });
}

/** A tensor's range and the quantizer that was chosen for it. */
export interface ExportedRange extends QuantParams {
  min: number;
  max: number;
  type: QuantType;
}

/** Key of a table of onnxruntime that says that its ranges come from random data; it looks up tensors by name, and this is none. */
const RANDOM_KEY = 'vernier.random';

/**
 * Writes ranges. Formats that know neither offsets nor types keep what they can: magnitudes.
 * @param random they come from random data: the file says so where {@link marksRandom}
 */
export function writeRanges(
  ranges: ReadonlyMap<string, ExportedRange>,
  format: RangeFormat,
  random: boolean,
): string | Uint8Array {
  switch (format) {
    case 'onnxruntime':
      return writeOnnxruntimeJson(ranges, random);
    case 'onnxruntime-flatbuffers':
      return writeTable(
        new Map([
          ...[...ranges].map(([name, r]): [string, string] => [name, String(largest(r))]),
          ...(random ? [[RANDOM_KEY, '1'] as const] : []),
        ]),
      );
    case 'onnxruntime-text':
      return writeOnnxruntimeText(ranges, random);
    case 'tensorrt':
      return writeTensorrtCache(ranges);
    case 'aimet':
      return writeAimet(ranges, random);
    case 'overrides':
      return writeOverrides(ranges, random);
  }
}

function readText(file: string, text: string, defaultType: QuantType): ImportedRanges | null {
  const json = /^\s*[{[]/.test(text) ? parse(file, text) : undefined;
  if (json === undefined) return readCalibrationText(file, text);
  if (isAimet(json)) return { format: 'aimet', ...readAimet(json) };
  if (isOnnxruntimeJson(json)) return { format: 'onnxruntime', ...readOnnxruntimeJson(json) };
  if (isOverrides(json)) return { format: 'overrides', ...readOverrides(json, defaultType) };
  return null;
}

function readFlatbuffers(bytes: Uint8Array): ImportedRanges | null {
  const table = readTable(bytes);
  if (!table) return null;
  const entries = new Entries();
  const random = table.delete(RANDOM_KEY);
  for (const [name, value] of table)
    entries.add(name, value.trim() === '' ? 'nothing' : magnitudeRange(Number(value)));
  const { ranges, skipped } = entries;
  return { format: 'onnxruntime-flatbuffers', ranges, skipped, random };
}

/** The bytes as text; null where they are none. */
function textOf(bytes: Uint8Array): string | null {
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** JSON, and the NaN and Infinity that Python writes into it. Throws `data.bad-format` with what is wrong, and where. */
function parse(file: string, text: string): Json {
  const nan = '\u0000NaN';
  const words = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g;
  const plain = text.replace(words, (word) => {
    if (word.startsWith('"')) return word;
    return word === 'NaN' ? JSON.stringify(nan) : word.replace('Infinity', '1e999');
  });
  try {
    return JSON.parse(plain, (_, value: Json) => (value === nan ? NaN : value)) as Json;
  } catch (error) {
    throw notRanges(file, `it is no JSON: ${(error as SyntaxError).message}`);
  }
}
