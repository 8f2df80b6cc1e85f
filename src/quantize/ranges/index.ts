import { isAimet, readAimet, writeAimet } from './aimet';
import {
  largest,
  readCalibrationText,
  writeOnnxruntimeText,
  writeTensorrtCache,
} from './calibration-text';
import type { RangeFormat } from './formats';
import { readTable, writeTable } from './flatbuffers-table';
import {
  magnitudeRange,
  notRanges,
  type ImportedRange,
  type ImportedRanges,
  type Json,
} from './imported';
import { isOnnxruntimeJson, readOnnxruntimeJson, writeOnnxruntimeJson } from './onnxruntime-json';
import { isOverrides, readOverrides, writeOverrides } from './overrides';
import type { QuantParams, QuantType } from '../../numeric';

export { RANGE_FORMATS, type RangeFormat } from './formats';
export type { ImportedRange, ImportedRanges } from './imported';

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
  const found = text === null ? readFlatbuffers(bytes) : readText(text, defaultType);
  if (!found) throw notRanges(file, 'it is of no known format');
  if (found.ranges.size === 0)
    throw notRanges(file, 'none of its entries is the range of a whole tensor');
  return found;
}

/** A tensor's range and the quantizer that was chosen for it. */
export interface ExportedRange extends QuantParams {
  min: number;
  max: number;
  type: QuantType;
}

/** Writes ranges. Formats that know neither offsets nor types keep what they can: magnitudes. */
export function writeRanges(
  ranges: ReadonlyMap<string, ExportedRange>,
  format: RangeFormat,
  random: boolean,
): string | Uint8Array {
  switch (format) {
    case 'onnxruntime':
      return writeOnnxruntimeJson(ranges, random);
    case 'onnxruntime-flatbuffers':
      return writeTable(new Map([...ranges].map(([name, r]) => [name, String(largest(r))])));
    case 'onnxruntime-text':
      return writeOnnxruntimeText(ranges);
    case 'tensorrt':
      return writeTensorrtCache(ranges);
    case 'aimet':
      return writeAimet(ranges, random);
    case 'overrides':
      return writeOverrides(ranges);
  }
}

function readText(text: string, defaultType: QuantType): ImportedRanges | null {
  const json = parse(text);
  if (json === undefined) return readCalibrationText(text);
  if (isAimet(json)) return { format: 'aimet', ...readAimet(json) };
  if (isOnnxruntimeJson(json)) return { format: 'onnxruntime', ...readOnnxruntimeJson(json) };
  if (isOverrides(json)) return { format: 'overrides', ...readOverrides(json, defaultType) };
  return null;
}

function readFlatbuffers(bytes: Uint8Array): ImportedRanges | null {
  const table = readTable(bytes);
  if (!table) return null;
  const ranges = new Map<string, ImportedRange>();
  const skipped: string[] = [];
  for (const [name, value] of table) {
    const range = value.trim() === '' ? null : magnitudeRange(Number(value));
    if (range) ranges.set(name, range);
    else skipped.push(name);
  }
  return { format: 'onnxruntime-flatbuffers', ranges, skipped, random: false };
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

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
