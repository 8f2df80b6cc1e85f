/** A metric of the user's own: an ES module beside the recipe (docs/metrics.md). Loading one runs it. */
import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { VernierError, type ErrorCode } from '../errors';
import type { MetricName } from '../results';
import { toNumbers } from './cast';
import type { Metric, Scored } from './metric';
import {
  readExports,
  type MetricExports,
  type MetricSample,
  type MetricTensor,
} from './metric-contract';
import type { TensorValue } from './source';

interface Loaded {
  /** Hash of the module's file. */
  source: string;
  /** Of that and of the files that it says it reads. */
  key: string;
  exports: MetricExports;
}

/** By absolute path. A process never forgets a module, so each is loaded once for the same content. */
const loaded = new Map<string, Loaded>();
let imports = 0;

/**
 * Loads the metric of a module, anew where its file (or one that it says it reads) has changed.
 * @param name its path as the recipe writes it @param folder of the recipe @param hashOf gives a file's hash, and throws where
 * there is none
 * @throws VernierError `metric.not-found`, `metric.does-not-load`, `metric.contract`, all with the module's file.
 */
export async function openMetricModule(
  name: Extract<MetricName, `${string}.mjs`>,
  folder: string,
  hashOf: (file: string) => Promise<string>,
): Promise<Metric> {
  const file = resolve(folder, name);
  const { exports, key } = await load(file, hashOf);
  const { score, summarize, higherIsBetter, againstFp32, unit } = exports;
  const shown = exports.name ?? basename(file, '.mjs');
  return {
    name,
    own: { name: shown, unit },
    file,
    key: [key, name].join(' '),
    higherIsBetter,
    againstFp32,
    async score(sample) {
      const value = await attempt(file, sampleText(sample), () => score(handed(sample)));
      return summarize ? plain(value, file, sample) : finite(value, file, sample);
    },
    summarize:
      summarize &&
      ((scores) => {
        const value = attemptNow(file, `in summarize, of ${scores.length} scores`, () =>
          summarize(scores),
        );
        if (typeof value === 'number') return value;
        throw failure('metric.bad-score', `summarize gave ${kindOf(value)}, not a number.`, file, {
          remedy: 'Let it return the metric of the scores that it is given.',
        });
      }),
  };
}

async function load(file: string, hashOf: (file: string) => Promise<string>): Promise<Loaded> {
  const source = await hashOf(file).catch((cause: unknown) => {
    throw failure('metric.not-found', `There is no metric ${file}.`, file, {
      remedy: 'Check evaluate.metric: the path is relative to the folder of the recipe.',
      cause,
    });
  });
  const before = loaded.get(file);
  const same = before?.source === source;
  const exports = same ? before.exports : await evaluated(file);
  const hashes: string[] = [];
  for (const read of exports.files)
    hashes.push(
      await hashOf(resolve(dirname(file), read)).catch((cause: unknown) => {
        throw failure('metric.not-found', `The metric reads ${read}, which is not there.`, file, {
          remedy: 'Correct its `files`: paths in it are relative to the folder of the metric.',
          cause,
        });
      }),
    );
  const key = [source, ...hashes].join(' ');
  if (same && before.key === key) return before;
  // what it read when it was loaded has changed since
  const found = { source, key, exports: same ? await evaluated(file) : exports };
  loaded.set(file, found);
  return found;
}

/** Relative imports would go stale in a process that lives on, and no key of a result would tell. */
const RELATIVE = /^\s*(?:import|export)\b(?:[^'";]*?\bfrom)?\s*(['"])(\.{1,2}\/[^'"]*)\1/m;

/** Runs a module. */
async function evaluated(file: string): Promise<MetricExports> {
  const text = await readFile(file, 'utf8');
  const [, , beside] = RELATIVE.exec(text) ?? [];
  if (beside !== undefined)
    throw failure('metric.does-not-load', `A metric cannot import ${beside}.`, file, {
      remedy: 'Put what it needs into one file; packages and node:… may be imported.',
    });
  // an address is loaded once in the life of a process, even if it failed
  const address = `${pathToFileURL(file).href}?vernier=${imports++}`;
  let exports: Record<string, unknown>;
  try {
    exports = (await import(/* @vite-ignore */ address)) as Record<string, unknown>;
  } catch (cause) {
    throw failure('metric.does-not-load', `The metric cannot be loaded: ${said(cause)}`, file, {
      line: lineOf(cause, file),
      remedy: `Correct it: node ${basename(file)} says where it fails.`,
      cause,
    });
  }
  return readExports(exports, file);
}

/** Copies are made where they are read: outputs of FP32 are remembered, and a metric may sort what it gets. */
function handed({ outputs, expected, inputs, label, index, file }: Scored): MetricSample {
  const values = label?.values.slice() ?? null;
  return {
    outputs: tensors(outputs),
    expected: tensors(expected),
    inputs: tensors(inputs),
    label: values?.length === 1 ? values[0]! : null,
    labels: values,
    index,
    file,
  };
}

function tensors(values: Readonly<Record<string, TensorValue>>): Record<string, MetricTensor> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, tensor(value)]));
}

function tensor({ type, dims, data }: TensorValue): MetricTensor {
  let copy: MetricTensor['data'] | null = null;
  return {
    type,
    dims: [...dims],
    get data() {
      if (copy) return copy;
      const numbers = toNumbers(data, type);
      // decoding has made a copy already
      return (copy = numbers === data ? data.slice() : numbers);
    },
  };
}

function finite(value: unknown, file: string, sample: Scored): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw failure(
    'metric.bad-score',
    `The metric gave ${kindOf(value)}, not a finite number, for ${sampleText(sample)}.`,
    file,
    { remedy: 'Let it return a number for every sample, also where outputs are NaN.' },
  );
}

/** Scores that a set is summarized from are stored, and given to `summarize` again and again. */
function plain(value: unknown, file: string, sample: Scored): unknown {
  try {
    if (value === undefined) throw new TypeError('it is undefined');
    return structuredClone(value);
  } catch (cause) {
    throw failure(
      'metric.bad-score',
      `The score of ${sampleText(sample)} cannot be stored: ${said(cause)}`,
      file,
      {
        remedy: 'Let the default function return plain data: numbers, texts, arrays, maps.',
        cause,
      },
    );
  }
}

async function attempt(file: string, what: string, call: () => unknown): Promise<unknown> {
  try {
    return await call();
  } catch (cause) {
    throw thrown(file, `for ${what}`, cause);
  }
}

function attemptNow(file: string, what: string, call: () => unknown): unknown {
  try {
    return call();
  } catch (cause) {
    throw thrown(file, what, cause);
  }
}

function thrown(file: string, when: string, cause: unknown): VernierError {
  return failure('metric.throws', `The metric failed ${when}: ${said(cause)}`, file, {
    line: lineOf(cause, file),
    remedy: 'Correct the metric: what it is called with is in docs/metrics.md.',
    cause,
  });
}

function sampleText({ index, file, of }: Scored): string {
  return `sample ${index}${file === null ? '' : ` (${basename(file)})`} of ${of}`;
}

function kindOf(value: unknown): string {
  if (typeof value === 'number' || value == null || typeof value === 'boolean')
    return String(value);
  return value instanceof Promise ? 'a promise' : `a value of type ${typeof value}`;
}

function said(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** Line of the module in which an error was made, as its stack says. */
function lineOf(cause: unknown, file: string): number | undefined {
  const stack = String((cause as Error | null)?.stack ?? '');
  const place = new RegExp(`${escape(encodeURI(basename(file)))}(?:\\?vernier=\\d+)?:(\\d+)`);
  const [, line] = place.exec(stack) ?? [];
  return line === undefined ? undefined : Number(line);
}

const escape = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function failure(
  code: Extract<ErrorCode, `metric.${string}`>,
  message: string,
  file: string,
  { remedy, line, cause }: { remedy: string; line?: number | undefined; cause?: unknown },
): VernierError {
  const place = { file, remedy, ...(line === undefined ? {} : { line }) };
  return new VernierError(code, message, place, { cause });
}
