import { magnitudeRange, type ImportedRange, type ImportedRanges } from './imported';

/** The first line of TensorRT's own cache, e.g. `TRT-8601-EntropyCalibration2`. */
const TENSORRT = /^TRT-\d+-\w+/;
/** Codes of symmetric int8 on either side: scale = magnitude / 127. */
const STEPS = 127;

/**
 * Calibration tables as text: TensorRT's own cache (`name: 3c010a14`, the bits of the scale), or the `calibration.cache`
 * that onnxruntime's `write_calibration_table` writes (`name 6.02`, the larger of both extremes). Null for other text.
 */
export function readCalibrationText(text: string): ImportedRanges | null {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const [first, ...rest] = lines;
  if (first === undefined) return null;
  const tensorrt = TENSORRT.test(first);
  const ranges = new Map<string, ImportedRange>();
  const skipped: string[] = [];
  for (const line of tensorrt ? rest : lines) {
    const match = (tensorrt ? /^(.*): *([0-9a-fA-F]{8})$/ : /^(\S.*) (\S+)$/).exec(line.trimEnd());
    if (!match) return null;
    const [name, value] = [match[1]!, match[2]!];
    const number = tensorrt ? floatOfBits(value) * STEPS : numberOf(value);
    if (number === null) return null;
    const range = magnitudeRange(number);
    if (range) ranges.set(name, range);
    else skipped.push(name);
  }
  const format = tensorrt ? 'tensorrt' : 'onnxruntime-text';
  return ranges.size > 0 ? { format, ranges, skipped, random: false } : null;
}

/** TensorRT's own cache. It knows magnitudes only. */
export function writeTensorrtCache(
  ranges: ReadonlyMap<string, { min: number; max: number }>,
): string {
  const lines = [...ranges].map(([name, range]) => {
    const bits = bitsOfFloat(largest(range) / STEPS);
    return `${name}: ${bits.toString(16).padStart(8, '0')}`;
  });
  return `${['TRT-8601-EntropyCalibration2', ...lines].join('\n')}\n`;
}

/** What onnxruntime writes as `calibration.cache`. It knows magnitudes only. */
export function writeOnnxruntimeText(
  ranges: ReadonlyMap<string, { min: number; max: number }>,
): string {
  const lines = [...ranges].map(([name, range]) => `${name} ${largest(range)}`);
  return `${lines.sort().join('\n')}\n`;
}

/** The largest magnitude of a range. */
export function largest({ min, max }: { min: number; max: number }): number {
  return Math.max(-min, max);
}

function numberOf(text: string): number | null {
  if (!/^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(text)) return null;
  return Number(text);
}

const word = new DataView(new ArrayBuffer(4));

function floatOfBits(hex: string): number {
  word.setUint32(0, Number.parseInt(hex, 16));
  return word.getFloat32(0);
}

function bitsOfFloat(value: number): number {
  word.setFloat32(0, value);
  return word.getUint32(0);
}
