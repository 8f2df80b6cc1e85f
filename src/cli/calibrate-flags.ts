import { RANGE_FORMATS, type RangeFormat } from '../jobs/range-formats';
import { suggest } from '../recipe/suggest';
import { last, usage, type Tokens } from './tokens';

/** Other names of formats. */
const FORMAT_NAMES: Readonly<Record<string, RangeFormat>> = {
  'tensor-quant-overrides': 'overrides',
};

/** The flags that are calibrate's own. */
export interface CalibrateFlags {
  shard: { index: number; of: number } | null;
  output: string | null;
  exports: { format: RangeFormat; file: string }[];
}

/** Reads `--shard I/N`, `-o FILE` and every `--export FORMAT=FILE`. Throws `cli.usage`. */
export function readCalibrateFlags(tokens: Tokens): CalibrateFlags {
  const written = last(tokens, 'shard');
  const flags = {
    shard: written === undefined ? null : shardOf(written),
    output: last(tokens, 'output') ?? null,
    exports: tokens.flags.flatMap(({ name, value }) =>
      name === 'export' && typeof value === 'string' ? [exportOf(value)] : [],
    ),
  };
  if (flags.shard && flags.exports.length > 0)
    throw usage(
      'A shard has no ranges of its own to export.',
      'Merge the shards, then: vernier calibrate MODEL --statistics FILE --export FORMAT=FILE.',
    );
  return flags;
}

/** Reads the files of `merge`, and where it writes to. Throws `cli.usage`. */
export function readMergeFlags(
  files: readonly string[],
  tokens: Tokens,
): { files: string[]; output: string } {
  const form = 'Write: vernier merge FILE FILE … -o FILE';
  if (files.length === 0) throw usage('Which statistics?', form);
  const output = last(tokens, 'output');
  if (output === undefined) throw usage('Where shall the whole go?', form);
  return { files: [...files], output };
}

function shardOf(text: string): { index: number; of: number } {
  const match = /^(\d+)\/(\d+)$/.exec(text);
  const [index, of] = [Number(match?.[1]), Number(match?.[2])];
  if (match && index >= 1 && index <= of) return { index, of };
  throw usage(
    `--shard takes I/N with I from 1 to N, not '${text}'.`,
    'The second of eight parts is --shard 2/8.',
  );
}

function exportOf(text: string): { format: RangeFormat; file: string } {
  const at = text.indexOf('=');
  const name = at < 0 ? text : text.slice(0, at);
  const format = FORMAT_NAMES[name] ?? RANGE_FORMATS.find((known) => known === name);
  const names = [...RANGE_FORMATS, ...Object.keys(FORMAT_NAMES)];
  if (!format) {
    const [near] = suggest(name, names, 1);
    throw usage(
      `There is no format '${name}' of ranges.`,
      near ? `Did you mean ${near}?` : `There are ${names.join(', ')}.`,
    );
  }
  if (at < 0 || at === text.length - 1)
    throw usage(`--export ${name} needs a file.`, `Write --export ${name}=FILE.`);
  return { format, file: text.slice(at + 1) };
}
