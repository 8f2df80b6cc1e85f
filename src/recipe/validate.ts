import type * as z from 'zod';
import { texts, type Expected } from './describe';
import type { RecipeText } from './document';
import {
  expectedAt,
  formsAt,
  keysAt,
  schemaOf,
  schemasAt,
  wordsAt,
  type Path,
} from './json-schema';
import { laterKey, laterWord } from './later';
import { calibrationNeed, modeFor, onlyModeOf } from './modes';
import { problemOn } from './place';
import type { Problem } from './problem';
import { recipeSchema, withoutShortForms, type Recipe } from './schema';
import { suggest } from './suggest';

/** More problems than these are not collected: nobody reads them. */
export const maxProblems = 100;

type Issue = z.core.$ZodIssue;

/**
 * Holds plain data against the schema:
 *
 * 1. keys that are known but empty (`keep_fp32:`) are left out, as if they were not written;
 * 2. each issue of the schema becomes a problem at its place, with a word that may have been meant;
 * 3. if there is none, what the keys want of each other is checked.
 */
export function validate(
  doc: RecipeText,
  plain: unknown,
  partial: boolean,
): { recipe: Recipe | null; problems: Problem[] } {
  if (plain === null || plain === undefined) plain = {};
  if (typeof plain !== 'object' || Array.isArray(plain))
    return { recipe: null, problems: [problemOn(doc, [], 'not-a-map', texts.notAMap())] };
  const data = withoutEmpty(plain, []);
  const schema = partial ? recipeSchema.partial() : recipeSchema;
  const parsed = schema.safeParse(data);
  if (!parsed.success) {
    const issues = parsed.error.issues.slice(0, maxProblems);
    const problems = issues.flatMap((issue) => problemsOf(doc, data, issue, []));
    return { recipe: null, problems };
  }
  const recipe = withoutShortForms(parsed.data as Parameters<typeof withoutShortForms>[0]);
  return { recipe, problems: together(doc, recipe, partial) };
}

/** A copy without the known keys of maps whose value is null. */
function withoutEmpty(value: unknown, path: Path): unknown {
  if (Array.isArray(value)) return value.map((item, i) => withoutEmpty(item, [...path, i]));
  if (typeof value !== 'object' || value === null) return value;
  const known = keysAt(path);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, inner]) => inner !== null || !known.has(key))
      .map(([key, inner]) => [key, withoutEmpty(inner, [...path, key])]),
  );
}

function valueAt(data: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, step) => (value as Record<string | number, unknown> | undefined)?.[step],
    data,
  );
}

function problemsOf(doc: RecipeText, data: unknown, issue: Issue, prefix: Path): Problem[] {
  const path = [...prefix, ...(issue.path as Path)];
  const value = valueAt(data, path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.slice(0, maxProblems).map((key) => unknownKey(doc, path, key));
    case 'invalid_union': {
      // the alternative that the value was meant as: the one whose complaint is not about the value's type
      const meant = issue.errors.find(
        (errors) => !errors.some((e) => e.path.length === 0 && isAboutType(e, value)),
      );
      if (meant) return meant.flatMap((inner) => problemsOf(doc, data, inner, path));
      return [wrongType(doc, path, value)];
    }
    case 'invalid_value':
      return [wrongWord(doc, path, value)];
    case 'invalid_type':
      if (value === undefined)
        return [
          problemOn(doc, path, 'missing-key', texts.missingKey(String(path.at(-1))), {
            part: 'key',
          }),
        ];
      if (issue.expected === 'never') return [wrongWord(doc, path, value)];
      return [wrongType(doc, path, value)];
    case 'too_small':
    case 'too_big':
      return [problemOn(doc, path, 'out-of-range', texts.outOfRange(value, wantedAt(path)))];
    default:
      return [
        problemOn(
          doc,
          path,
          'wrong-value',
          path.at(-1) === 'scale' ? texts.wrongScale(value) : texts.emptyRange(value),
        ),
      ];
  }
}

/** A word that is wanted where a map or list stands is a matter of type, too. */
function isAboutType({ code }: Issue, value: unknown): boolean {
  return code === 'invalid_type' || (code === 'invalid_value' && typeof value === 'object');
}

function unknownKey(doc: RecipeText, path: Path, key: string): Problem {
  const why = laterKey(path, key);
  const at = [...path, key];
  if (why)
    return problemOn(doc, at, 'unsupported', texts.unsupportedKey(key, why), { part: 'key' });
  const near = suggest(key, keysAt(path).keys());
  const home = near.length ? null : homeOf(key, path);
  return problemOn(doc, at, 'unknown-key', texts.unknownKey(key, near, home), {
    part: 'key',
    ...(near.length ? { replacements: near } : {}),
  });
}

/** The section that a key belongs to which stands in the wrong place, e.g. `calibration` for `samples`. */
function homeOf(key: string, path: Path): string | null {
  if (path.length && keysAt([]).has(key)) return 'the top of the recipe';
  const search = (at: string[]): string | null => {
    for (const [name] of keysAt(at)) {
      const inner = [...at, name];
      if (keysAt(inner).has(key)) return inner.join('.');
    }
    for (const [name] of keysAt(at)) {
      const found = at.length < 2 ? search([...at, name]) : null;
      if (found) return found;
    }
    return null;
  };
  return search([]);
}

function wrongWord(doc: RecipeText, path: Path, value: unknown): Problem {
  const words = [...wordsAt(path).keys(), ...formsAt(path).map(({ form }) => form)];
  const why = laterWord(path, value);
  const key = String(path.findLast((step) => typeof step === 'string'));
  if (why)
    return problemOn(doc, path, 'unsupported', texts.unsupportedWord(key, value, why, words));
  if (!words.length) return problemOn(doc, path, 'wrong-value', texts.unknownMethod(value));
  const near = typeof value === 'string' ? suggest(value, words) : [];
  return problemOn(doc, path, 'wrong-value', texts.wrongWord(value, near, words), {
    ...(near.length ? { replacements: near } : {}),
  });
}

function wrongType(doc: RecipeText, path: Path, value: unknown): Problem {
  const onlyList = schemasAt(path).every((node) => node.type === 'array');
  const isItem = typeof value === 'string' || (typeof value === 'object' && !Array.isArray(value));
  const text =
    onlyList && isItem && value !== null
      ? texts.notAList(value)
      : texts.wrongType(value, wantedAt(path));
  return problemOn(doc, path, 'wrong-type', text);
}

/** What the schema knows of a place; items of a list are told of by their key. */
function wantedAt(path: Path): Expected {
  const key = path.slice(0, path.findLastIndex((step) => typeof step === 'string') + 1);
  const required = schemasAt(key.slice(0, -1)).some((node) =>
    node.required?.includes(String(key.at(-1))),
  );
  return {
    form: expectedAt(path),
    meaning: schemaOf(key)?.description ?? '',
    optional: key.length > 0 && !required,
  };
}

/** What the keys of a valid recipe want of each other. */
function together(doc: RecipeText, recipe: Recipe, partial: boolean): Problem[] {
  const problems: Problem[] = [];
  problems.push(...overwritten(doc, recipe));
  if (partial) return problems;
  const mode = modeFor(recipe.quantization?.mode, recipe.target);
  const only = onlyModeOf(recipe.target);
  if (only && mode !== only)
    problems.push(
      problemOn(doc, ['target'], 'unsupported', texts.targetWithMode(recipe.target!, only)),
    );
  if (
    calibrationNeed(mode) === 'needed' &&
    !recipe.calibration?.data &&
    !recipe.calibration?.ranges &&
    !recipe.calibration?.statistics_file
  ) {
    const path = recipe.calibration ? ['calibration', 'data'] : ['calibration'];
    problems.push(problemOn(doc, path, 'missing-key', texts.missingCalibration(), { part: 'key' }));
  }
  if (recipe.evaluate && !recipe.evaluate.data)
    problems.push(
      problemOn(doc, ['evaluate', 'data'], 'missing-key', texts.missingKey('data'), {
        part: 'key',
      }),
    );
  if (recipe.calibration?.statistics === 'minmax') problems.push(...beyondExtremes(doc, recipe));
  problems.push(...modeWords(doc, recipe));
  recipe.layers?.forEach((rule, i) => {
    if (!rule.precision && !rule.observer && !rule.weights && !rule.activations)
      problems.push(
        problemOn(doc, ['layers', i], 'missing-key', texts.missingKey('precision'), {
          severity: 'warning',
        }),
      );
  });
  return problems;
}

/** An output by the name of what the recipe reads; links and patterns are for whoever can see the files. */
function overwritten(doc: RecipeText, { output, model, calibration, evaluate }: Recipe): Problem[] {
  if (!output) return [];
  const is = (name: string) => plainPath(name) === plainPath(output);
  if (model && is(model))
    return [problemOn(doc, ['output'], 'overwrites-model', texts.overwritesModel())];
  const read = {
    'calibration.data': calibration?.data,
    'calibration.ranges': calibration?.ranges,
    'calibration.statistics_file': calibration?.statistics_file,
    'evaluate.data': evaluate?.data,
    'evaluate.labels': evaluate?.labels,
    'evaluate.metric': evaluate?.metric,
  };
  const [key] = Object.entries(read).find(([, names]) => [names ?? []].flat().some(is)) ?? [];
  return key === undefined
    ? []
    : [problemOn(doc, ['output'], 'overwrites-file', texts.overwritesFile(key))];
}

/** Observers that want more than the extremes, of which nothing else is kept. */
function beyondExtremes(doc: RecipeText, recipe: Recipe): Problem[] {
  const places: [string | undefined, Path][] = [
    [recipe.quantization?.activations?.observer, ['quantization', 'activations', 'observer']],
    ...(recipe.layers ?? []).map(({ observer }, i): [string | undefined, Path] => [
      observer,
      ['layers', i, 'observer'],
    ]),
  ];
  return places.flatMap(([observer, path]) =>
    observer && ['percentile', 'entropy', 'mse'].includes(observer)
      ? [problemOn(doc, path, 'wrong-value', texts.needsHistograms(observer))]
      : [],
  );
}

/** Words that only some modes, or only some other words, go with. */
function modeWords(doc: RecipeText, recipe: Recipe): Problem[] {
  const problems: Problem[] = [];
  const { mode = 'static', weights } = recipe.quantization ?? {};
  const refuse = (path: Path, value: string, why: string, can: readonly string[]) => {
    const text = texts.unsupportedWord(String(path.at(-1)), value, why, can);
    problems.push(problemOn(doc, path, 'unsupported', text));
  };
  const at = ['quantization', 'weights'];
  if (mode !== 'weight-only') {
    if (weights?.type && weights.type !== 'int8')
      refuse([...at, 'type'], weights.type, 'it needs `mode: weight-only`', ['int8']);
    if (weights?.granularity === 'block')
      refuse([...at, 'granularity'], 'block', 'it needs `mode: weight-only`', [
        'channel',
        'tensor',
      ]);
  } else if (weights?.method === 'hqq') {
    const can = ['uint4', 'uint8'];
    const why = 'hqq chooses zero points, and this type has none';
    if (weights.type && !can.includes(weights.type))
      refuse([...at, 'type'], weights.type, why, can);
  }
  return problems;
}

/** A path with forward slashes and without `./`, for comparing. */
export function plainPath(path: string): string {
  return path
    .replaceAll('\\', '/')
    .split('/')
    .filter((part, i) => part !== '.' && (part !== '' || i === 0))
    .join('/');
}
