import { readFile } from 'node:fs/promises';
import { basename, relative, resolve } from 'node:path';
import { CsvError, parse } from 'csv-parse/sync';
import { VernierError } from '../errors';
import { fileBytes, notFound } from './bytes';
import { toNumbers } from './cast';
import { npyCount, openNpy, readNpy } from './npy';
import type { SampleSource } from './source';

/**
 * What a sample should give: class numbers (one, or one for every position of a sequence), or the values of a
 * regression.
 */
export type Label =
  { kind: 'class'; values: Int32Array } | { kind: 'target'; values: Float64Array };

/** The labels of a source, by sample. */
export interface Labels {
  readonly kind: Label['kind'];
  /** Label of sample `i`, 0…count − 1 of the source. */
  of(i: number): Label;
}

/**
 * The labels of a source: from `labels:` of the recipe (`.npy` or CSV), else from class folders, else null.
 *
 * `.npy`: one row for each sample that there is; integers are classes, floats targets. CSV: columns `file` and
 * `label` (else the first and the last column of numbers; a header may be missing); pictures are matched by
 * name, other data by order. Whole numbers are classes, others targets.
 * @throws VernierError `data.not-found`, `data.bad-format`, `data.ragged` (with the line), `data.labels` where
 * a sample has no label or the numbers of both differ.
 */
export async function openLabels(
  spec: { labels?: string | undefined; baseDir: string },
  source: SampleSource,
): Promise<Labels | null> {
  if (spec.labels === undefined) {
    if (!source.classes) return null;
    return {
      kind: 'class',
      of: (i) => ({ kind: 'class', values: Int32Array.of(source.classOf(i) ?? -1) }),
    };
  }
  const file = resolve(spec.baseDir, spec.labels);
  if (/\.npy$/i.test(file)) return npyLabels(file, source);
  if (/\.(csv|tsv|txt)$/i.test(file)) return csvLabels(file, source);
  throw new VernierError('data.bad-format', `${file} is neither .npy nor .csv.`, {
    file,
    remedy: 'Give labels as .npy, or as .csv with the columns file and label.',
  });
}

async function npyLabels(file: string, source: SampleSource): Promise<Labels> {
  const array = await openNpy(await fileBytes(file));
  const [rows = 1] = array.dims;
  sameCount(rows, source, file);
  const values = toNumbers(await readNpy(array), array.type);
  const size = npyCount(array) / Math.max(rows, 1);
  const kind = array.type.includes('float') ? 'target' : 'class';
  return {
    kind,
    of(i) {
      const start = source.position(i) * size;
      return makeLabel(
        kind,
        Array.from({ length: size }, (_, k) => values[start + k]!),
      );
    },
  };
}

interface Row {
  line: number;
  cells: string[];
}

async function csvLabels(file: string, source: SampleSource): Promise<Labels> {
  const rows = await readRows(file);
  const { fileColumn, labelColumn, body } = columns(rows, file);
  const values = body.map(({ cells, line }) => {
    const text = cells[labelColumn]!;
    if (!isNumber(text))
      throw new VernierError('data.labels', `'${text}' in line ${line} of ${file} is no number.`, {
        file,
        line,
        remedy: 'Give class numbers from 0, or the target values.',
      });
    return Number(text);
  });
  const kind = values.every(Number.isInteger) ? 'class' : 'target';
  const pictures = source.count > 0 && source.origin(0).index === null;
  const find =
    pictures && fileColumn !== null
      ? byName(
          body.map(({ cells }) => cells[fileColumn]!),
          file,
        )
      : (sameCount(values.length, source, file), null);
  return {
    kind,
    of(i) {
      const row = find ? find(source.origin(i).file ?? '') : source.position(i);
      return makeLabel(kind, [values[row]!]);
    },
  };
}

/** The rows of a CSV (or, by its name, tab-separated) file. */
async function readRows(file: string): Promise<Row[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw notFound(file, cause);
  });
  try {
    const records = parse(text, {
      bom: true,
      trim: true,
      skip_empty_lines: true,
      info: true,
      delimiter: /\.tsv$/i.test(file) ? '\t' : ',',
    }) as unknown as { record: string[]; info: { lines: number } }[];
    return records.map(({ record, info }) => ({ cells: record, line: info.lines }));
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    const line = Number((cause as { lines?: unknown }).lines);
    const ragged = cause.code === 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH';
    throw new VernierError(
      ragged ? 'data.ragged' : 'data.bad-format',
      ragged
        ? `Line ${line} of ${file} has another number of columns than the lines before it.`
        : `Line ${line} of ${file}: ${cause.message}.`,
      { file, line, remedy: 'Give every line the same columns, and quote cells with commas.' },
      { cause },
    );
  }
}

/** Which columns hold the file names and the labels, and the rows below the header. */
function columns(rows: Row[], file: string) {
  const [head] = rows;
  if (!head)
    throw new VernierError('data.empty', `${file} is empty.`, {
      file,
      remedy: 'Give the columns file and label.',
    });
  const names = head.cells.map((name) => name.toLowerCase());
  const numeric = (row: Row | undefined, column: number) => isNumber(row?.cells[column] ?? '');
  const labelled = names.indexOf('label');
  const sample = rows[1] ?? head;
  const lastNumeric = names.findLastIndex((_, column) => numeric(sample, column));
  const labelColumn = labelled >= 0 ? labelled : lastNumeric >= 0 ? lastNumeric : names.length - 1;
  const header = labelled >= 0 || names.includes('file') || !numeric(head, labelColumn);
  const named = names.indexOf('file');
  const fileColumn = named >= 0 ? named : labelColumn === 0 ? null : 0;
  return { fileColumn, labelColumn, body: header ? rows.slice(1) : rows };
}

/** Finds the row of a picture: the one that names the end of its path, and no other does with as many folders. */
function byName(names: readonly string[], file: string): (path: string) => number {
  const slashed = (path: string) => path.replaceAll('\\', '/').replace(/^\.\//, '');
  const rows = new Map<string, number | 'ambiguous'>();
  names.forEach((name, row) => {
    const key = slashed(name);
    rows.set(key, rows.has(key) ? 'ambiguous' : row);
  });
  const bare = new Map<string, number | 'ambiguous'>();
  for (const [name, row] of rows) {
    const key = basename(name);
    bare.set(key, bare.has(key) ? 'ambiguous' : row);
  }
  const folder = resolve(file, '..');
  return (path) => {
    const parts = slashed(path).split('/');
    const ends = parts.map((_, i) => parts.slice(i).join('/'));
    const row =
      rows.get(slashed(relative(folder, path))) ??
      ends.map((end) => rows.get(end)).find((found) => found !== undefined) ??
      bare.get(basename(path));
    if (typeof row === 'number') return row;
    throw new VernierError(
      'data.labels',
      row === 'ambiguous'
        ? `${file} has more than one label for ${path}.`
        : `${file} has no label for ${path}.`,
      { file, remedy: `Give one line for ${basename(path)}.` },
    );
  };
}

function makeLabel(kind: Label['kind'], values: number[]): Label {
  return kind === 'class'
    ? { kind, values: Int32Array.from(values) }
    : { kind, values: Float64Array.from(values) };
}

function sameCount(labels: number, source: SampleSource, file: string): void {
  if (labels === source.total) return;
  throw new VernierError(
    'data.labels',
    `${file} has ${labels} labels, and ${source.name} has ${source.total} samples.`,
    { file, remedy: 'Give one label for each sample, in the same order.' },
  );
}

function isNumber(text: string): boolean {
  return text !== '' && Number.isFinite(Number(text));
}
