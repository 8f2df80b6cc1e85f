import { keysAt, schemasAt } from '../recipe/json-schema';
import { laterKey } from '../recipe/later';
import { suggest } from '../recipe/suggest';
import { splitKey } from '../recipe/write';
import { usage, type Tokens } from './tokens';

/** Dotted recipe keys with their values; a key that was given several times has a list. */
export type RecipeFlags = Record<string, unknown>;

/** Short words for keys that are given often. */
const ALIASES: Readonly<Record<string, string>> = {
  block: 'quantization.weights.block',
  data: 'calibration.data',
  mode: 'quantization.mode',
  samples: 'calibration.samples',
  stage: 'sensitivity.stage',
  statistics: 'calibration.statistics_file',
  weights: 'quantization.weights.type',
};

/** Turns flags into recipe keys. Throws `cli.usage` for one that the recipe language does not have. */
export function readRecipeFlags(flags: Tokens['flags']): RecipeFlags {
  const found: RecipeFlags = {};
  for (const { name, value } of flags) {
    const key = keyOf(name);
    const meant = key === 'keep_fp32' ? pattern(String(value)) : value;
    const before = found[key];
    if (before === undefined) found[key] = meant;
    else found[key] = [...(Array.isArray(before) ? (before as unknown[]) : [before]), meant];
  }
  // a single pattern that is no text has to be a list to be read as one
  if (found.keep_fp32 !== undefined && !Array.isArray(found.keep_fp32))
    found.keep_fp32 = [found.keep_fp32];
  return found;
}

/** `--keep-fp32` and `--limits.p99-ms` are written with underscores in a recipe. */
function keyOf(name: string): string {
  const key = Object.hasOwn(ALIASES, name) ? ALIASES[name]! : name;
  for (const candidate of [key, key.replaceAll('-', '_')]) {
    const path = splitKey(candidate);
    if (schemasAt(path).length > 0) {
      if (candidate === 'model')
        throw usage('The model stands without a flag: vernier quantize MODEL.');
      return candidate;
    }
    if (laterKey(path.slice(0, -1), path.at(-1)!) !== undefined) return candidate;
  }
  const near = suggest(
    name,
    [...recipeFlagNames(), 'json', 'quiet', 'report', 'recipe', 'until', 'shard', 'export'],
    1,
  );
  throw usage(
    `There is no flag --${name}.`,
    near.length > 0 ? `Did you mean --${near[0]}?` : 'See vernier quantize --help.',
  );
}

/** The flag of a recipe key: its short word where it has one. */
export function flagOf(key: string): string {
  const [short] = Object.entries(ALIASES).find(([, long]) => long === key) ?? [];
  return `--${short ?? key}`;
}

/** Every flag that is a recipe key, with the short words. */
export function recipeFlagNames(): string[] {
  const names: string[] = Object.keys(ALIASES);
  const walk = (path: string[]) => {
    for (const [key] of keysAt(path)) {
      const inner = [...path, key];
      const all = schemasAt(inner);
      if (keysAt(inner).size > 0) walk(inner);
      if (!all.every(({ type }) => type === 'object')) names.push(inner.join('.'));
    }
  };
  walk([]);
  return names.filter((name) => name !== 'model');
}

/** `op:Softmax` means an operator. */
function pattern(text: string): unknown {
  const op = /^op:\s*(.+)$/.exec(text);
  return op ? { op: op[1]! } : text;
}
