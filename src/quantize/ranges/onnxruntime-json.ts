import { Entries, isMap, plainRange, type ImportedRanges, type Json } from './imported';

/**
 * True for what onnxruntime.quantization writes with `save_tensors_data` and `write_calibration_table` (calibration.json):
 * a TensorsData, a map of TensorData, or, before 1.17, a map of `[lowest, highest]`.
 */
export function isOnnxruntimeJson(json: Json): boolean {
  if (!isMap(json)) return false;
  if (json.CLS === 'TensorsData') return isMap(json.data);
  const values = Object.values(json);
  return values.length > 0 && values.every((v) => isTensorData(v) || isPair(v));
}

/** Ranges of such a file. Entries of several channels, or without extremes, are skipped. */
export function readOnnxruntimeJson(json: Json): Omit<ImportedRanges, 'format'> {
  const whole = json as { [key: string]: Json };
  const data = whole.CLS === 'TensorsData' ? (whole.data as { [key: string]: Json }) : whole;
  const entries = new Entries();
  for (const [name, entry] of Object.entries(data)) {
    const pair = Array.isArray(entry)
      ? [entry[0], entry[1]]
      : isMap(entry)
        ? [entry.lowest, entry.highest]
        : [];
    const [low, high] = pair.map(scalar);
    if (low != null && high != null) entries.add(name, plainRange(low, high));
    else entries.add(name, pair.some(isSeveral) ? 'channels' : 'nothing');
  }
  const vernier = isMap(whole.vernier) ? whole.vernier : {};
  const { ranges, skipped } = entries;
  return { ranges, skipped, random: vernier.random === true };
}

/** The same file, with the extremes that are given as those of the method MinMax. */
export function writeOnnxruntimeJson(
  ranges: ReadonlyMap<string, { min: number; max: number }>,
  random: boolean,
): string {
  const array = (value: number) => ({
    data: Math.fround(value),
    dtype: 'float32',
    CLS: 'numpy.array',
  });
  const data = Object.fromEntries(
    [...ranges].map(([name, { min, max }]) => [
      name,
      { lowest: array(min), highest: array(max), CLS: 'TensorData' },
    ]),
  );
  return JSON.stringify(
    {
      CLS: 'TensorsData',
      data,
      calibration_method: { CLS: 'CalibrationMethod', value: 'CalibrationMethod.MinMax' },
      smooth_quant: false,
      ...(random ? { vernier: { random: true } } : {}),
    },
    null,
    1,
  );
}

function isTensorData(value: Json): boolean {
  return isMap(value) && (value.CLS === 'TensorData' || 'lowest' in value);
}

function isPair(value: Json): boolean {
  return Array.isArray(value) && value.length === 2 && value.every((v) => scalar(v) !== null);
}

/** A list of several numbers, or a NumPy array of them. */
function isSeveral(value: Json | undefined): boolean {
  if (isMap(value)) return isSeveral(value.data);
  return Array.isArray(value) && (value.length > 1 || isSeveral(value[0]));
}

/** A number, or a NumPy array of one. */
function scalar(value: Json | undefined): number | null {
  if (typeof value === 'number') return value;
  if (Array.isArray(value)) return value.length === 1 ? scalar(value[0]) : null;
  return isMap(value) && value.CLS === 'numpy.array' ? scalar(value.data) : null;
}
