/** What a metric's module is called with, and what it exports (docs/metrics.md). */
import { VernierError } from '../errors';

/** A tensor as a module gets it. */
export interface MetricTensor {
  /** ONNX's word: `float32`, `int64` … */
  type: string;
  dims: number[];
  /**
   * A copy of its values as numbers, whatever its type: Float32Array for float16 and bfloat16, Float64Array for 64-bit integers.
   */
  data: ArrayLike<number>;
}

/** What the function of a module is called with, once for each sample and model. */
export interface MetricSample {
  outputs: Record<string, MetricTensor>;
  /** The FP32 model's outputs for the same sample. */
  expected: Record<string, MetricTensor>;
  inputs: Record<string, MetricTensor>;
  /** The label, where it is one number; null where it is several, or there is none. */
  label: number | null;
  /** All numbers of the label: Int32Array of classes, Float64Array of targets; null where there is none. */
  labels: Int32Array | Float64Array | null;
  /** Number of the sample among all that the data has, from 0. */
  index: number;
  /** Absolute path of the file that it came from; null for random data. */
  file: string | null;
}

/** What a metric's module exports, checked and with its defaults. */
export interface MetricExports {
  /** The default export. */
  score: (sample: MetricSample) => unknown;
  summarize: ((scores: unknown[]) => unknown) | null;
  /** Default true. */
  higherIsBetter: boolean;
  /** Default false. */
  againstFp32: boolean;
  /** Null: the file's. */
  name: string | null;
  /** Default empty. */
  unit: string;
  /** Files that it reads, relative to its folder. Default none. */
  files: readonly string[];
}

interface Kind {
  is: (value: unknown) => boolean;
  words: string;
}

/** A text of one line that a table has room for, or none. */
const text = (most: number): Kind => ({
  is: (value) =>
    typeof value === 'string' &&
    value === value.trim() &&
    value.length <= most &&
    !/[\r\n]/.test(value),
  words: `a text of one line and at most ${most} characters`,
});
const flag: Kind = { is: (value) => typeof value === 'boolean', words: 'true or false' };

const KINDS: Readonly<Record<string, Kind>> = {
  default: {
    is: (value) => typeof value === 'function',
    words: 'a function: export default ({ outputs, label }) => …',
  },
  summarize: { is: (value) => typeof value === 'function', words: 'a function of the scores' },
  higherIsBetter: flag,
  againstFp32: flag,
  name: text(40),
  unit: text(12),
  files: {
    is: (value) =>
      Array.isArray(value) && value.every((file) => typeof file === 'string' && file !== ''),
    words: 'a list of paths',
  },
};

/**
 * Reads the exports of a module. Others than the metric's own are its own business, but for those that look like a misspelt one.
 * @throws VernierError `metric.contract`
 */
export function readExports(
  exports: Readonly<Record<string, unknown>>,
  file: string,
): MetricExports {
  const refuse = (message: string, remedy: string) => {
    throw new VernierError('metric.contract', message, { file, remedy });
  };
  if (exports.default === undefined)
    refuse('The metric has no default export.', `Export ${KINDS.default!.words}`);
  for (const [name, value] of Object.entries(exports)) {
    const kind = Object.hasOwn(KINDS, name) ? KINDS[name]! : null;
    if (kind && value !== undefined && !kind.is(value))
      refuse(`The metric’s ${name} export is not what it should be.`, `Export ${kind.words}.`);
    const meant = kind ? undefined : Object.keys(KINDS).find((known) => same(known, name));
    if (meant !== undefined)
      refuse(`The metric exports ${name}, which means nothing.`, `Call it ${meant}.`);
  }
  const given = exports as Partial<MetricExports> & { default: MetricExports['score'] };
  return {
    score: given.default,
    summarize: given.summarize ?? null,
    higherIsBetter: given.higherIsBetter ?? true,
    againstFp32: given.againstFp32 ?? false,
    name: given.name || null,
    unit: given.unit ?? '',
    files: given.files ?? [],
  };
}

/** Words that differ in capitals, underscores or a spelling of their end alone. */
function same(a: string, b: string): boolean {
  const bare = (word: string) =>
    word.toLowerCase().replaceAll('_', '').replace('summarise', 'summarize').replace(/s$/, '');
  return bare(a) === bare(b);
}
