import { Entries, magnitudeRange, notRanges, type ImportedRanges } from './imported';

/** The first line of TensorRT's own cache, e.g. `TRT-8601-EntropyCalibration2`. */
const TENSORRT = /^TRT-\d+-\w+/;
/** The first line of a text of ours whose ranges come from random data. */
const RANDOM = '# vernier: random calibration data';
/** An entry of it, and of onnxruntime's, whose numbers are as Python writes them. */
const ENTRY = {
  tensorrt: /^(.*): *([0-9a-fA-F]{8})$/,
  'onnxruntime-text': /^(\S.*) ([-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan|inf))$/,
} as const;
/** The same in words. */
const FORM = {
  tensorrt: 'NAME: and eight hexadecimal digits',
  'onnxruntime-text': 'NAME and a number',
} as const;
/** Codes of symmetric int8 on either side: scale = magnitude / 127. */
const STEPS = 127;

/**
 * Calibration tables as text: TensorRT's own cache (`name: 3c010a14`, the bits of the scale), or the `calibration.cache`
 * that onnxruntime's `write_calibration_table` writes (`name 6.02`, the larger of both extremes). Null for other text: with
 * neither TensorRT's first line nor as many entries as other lines.
 * @throws VernierError `data.bad-format` with the line of a table that is no entry
 */
export function readCalibrationText(file: string, text: string): ImportedRanges | null {
  const lines = text
    .split(/\r?\n/)
    .map((line, i) => ({ line: line.trimEnd(), at: i + 1 }))
    .filter(({ line }) => line !== '' && line !== RANDOM);
  const random = text.startsWith(RANDOM);
  const [first] = lines;
  if (first === undefined) return null;
  const format = TENSORRT.test(first.line) ? 'tensorrt' : 'onnxruntime-text';
  const rest = format === 'tensorrt' ? lines.slice(1) : lines;
  const strange = rest.filter(({ line }) => !ENTRY[format].test(line));
  if (format === 'onnxruntime-text' && strange.length > lines.length / 2) return null;
  const [wrong] = strange;
  if (wrong)
    throw notRanges(file, `line ${wrong.at} is not ${FORM[format]}: '${wrong.line.slice(0, 80)}'`, {
      line: wrong.at,
      remedy: 'Correct or remove that line, or have the table written anew.',
    });
  const entries = new Entries();
  for (const { line } of rest) {
    const [, name, value] = ENTRY[format].exec(line)!;
    const most = format === 'tensorrt' ? floatOfBits(value!) * STEPS : numberOf(value!);
    entries.add(name!, magnitudeRange(most));
  }
  const { ranges, skipped } = entries;
  return { format, ranges, skipped, random };
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

/**
 * What onnxruntime writes as `calibration.cache`, for people: no program of it reads that back. It knows magnitudes only. That
 * they come from random data is its first line.
 */
export function writeOnnxruntimeText(
  ranges: ReadonlyMap<string, { min: number; max: number }>,
  random: boolean,
): string {
  const lines = [...ranges].map(([name, range]) => `${name} ${largest(range)}`);
  return `${[...(random ? [RANDOM] : []), ...lines.sort()].join('\n')}\n`;
}

/** The largest magnitude of a range. */
export function largest({ min, max }: { min: number; max: number }): number {
  return Math.max(-min, max);
}

/** A number as Python writes it. */
function numberOf(text: string): number {
  return /inf$/.test(text) ? Infinity : Number(text);
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
