import { VernierError } from '../errors';
import type { MetricSample } from './metric-module';

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

/** A text of one line that a table has room for. */
const text = (most: number): Kind => ({
  is: (value) =>
    typeof value === 'string' &&
    value.trim() !== '' &&
    value.length <= most &&
    !/\s{2}|[\r\n]/.test(value),
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
    name: given.name ?? null,
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
