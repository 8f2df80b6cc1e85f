import { keysAt, type Path } from './json-schema';
import type { ImageRecipe, Pattern, Recipe } from './schema';
import { render } from './text-edit';

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A copy with the keys of every map in the order of the schema; unknown keys come after, as they were. */
function inSchemaOrder(value: unknown, path: Path): unknown {
  if (Array.isArray(value)) return value.map((item, i) => inSchemaOrder(item, [...path, i]));
  if (!isMap(value)) return value;
  const order = [...keysAt(path).keys()];
  const place = (key: string) => (order.includes(key) ? order.indexOf(key) : order.length);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .sort(([a], [b]) => place(a) - place(b))
      .map(([key, inner]) => [key, inSchemaOrder(inner, [...path, key])]),
  );
}

/**
 * A recipe as YAML: keys in the order of the schema, sections and lists of layers as blocks, what is inside
 * them on one line each. The same data gives the same text. A comment goes above its section.
 */
export function writeRecipe(
  recipe: Record<string, unknown>,
  comments: Readonly<Record<string, string>> = {},
): string {
  const lines: string[] = [];
  for (const [key, value] of Object.entries(inSchemaOrder(recipe, []) as object)) {
    const comment = comments[key];
    if (comment) lines.push(...(lines.length ? [''] : []), `# ${comment}`);
    lines.push(...section(key, value));
  }
  return lines.map((line) => `${line}\n`).join('');
}

function section(key: string, value: unknown): string[] {
  const head = `${render(key)}:`;
  if (Array.isArray(value) && value.length)
    return [head, ...value.map((item) => `  - ${render(item)}`)];
  if (isMap(value) && Object.keys(value).length)
    return [
      head,
      ...Object.entries(value).map(([name, inner]) => `  ${render(name)}: ${render(inner)}`),
    ];
  return [`${head} ${render(value)}`];
}

/** What a new recipe is made of; everything but the model may be left out. */
export interface NewRecipe {
  model: string;
  output?: string;
  target?: Recipe['target'];
  mode?: 'static' | 'dynamic';
  /** `calibration.data`. */
  calibration?: string | string[];
  samples?: number;
  image?: ImageRecipe;
  inputs?: Recipe['inputs'];
  keep?: Pattern[];
  /** `evaluate.data`. */
  evaluate?: string | string[];
  labels?: string;
  metric?: NonNullable<Recipe['evaluate']>['metric'];
}

/** The text of a new recipe, with comments that say what one would change first. */
export function newRecipe(options: NewRecipe): string {
  const { model, output, target, mode = 'static', calibration, samples, image } = options;
  const { inputs, keep = [], evaluate, labels, metric } = options;
  return writeRecipe(
    {
      model,
      output,
      target,
      calibration: calibration === undefined ? undefined : { data: calibration, image, samples },
      inputs,
      quantization: { mode },
      keep_fp32: keep,
      evaluate: evaluate === undefined ? undefined : { data: evaluate, labels, metric },
    },
    {
      model: 'What is done to the model. Paths start at this file.',
      calibration: 'Ranges are read from these samples: real ones, and not those of `evaluate`.',
      inputs: 'Only where the model leaves shapes open.',
      quantization: 'static needs calibration data; dynamic does not.',
      keep_fp32: 'Layers that stay in FP32: names, globs like /head/*, or { op: Softmax }.',
      evaluate: 'Both models are compared on these samples.',
    },
  );
}

/** `path` with the names of inputs, which may hold dots, put together again. */
export function splitKey(key: string): string[] {
  const parts = key.split('.');
  if (parts[0] !== 'inputs' || parts.length <= 3) return parts;
  return ['inputs', parts.slice(1, -1).join('.'), parts.at(-1) ?? ''];
}

/** A nested copy of dotted keys: `{ 'a.b': 1 }` → `{ a: { b: 1 } }`. */
export function nest(entries: Iterable<readonly [string, unknown]>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [dotted, value] of entries) {
    const path = splitKey(dotted);
    let at = root;
    for (const step of path.slice(0, -1)) {
      const inner = Object.hasOwn(at, step) ? at[step] : undefined;
      at = isMap(inner) ? inner : define(at, step, {});
    }
    define(at, path.at(-1) ?? '', value);
  }
  return root;
}

/** Sets an own property, whatever its name is (`__proto__` too). */
function define<T>(target: Record<string, unknown>, key: string, value: T): T {
  Object.defineProperty(target, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
  return value;
}
