import { texts, type Text } from './describe';
import { modeFor } from './modes';
import { matchLayers, planLayers, type NamedLayer } from './match';
import type { ParseResult } from './parse';
import { problemOn } from './place';
import type { Problem } from './problem';
import { choicesOf, dataOf } from './written';
import { suggest } from './suggest';
import { plainPath } from './validate';
import type { Recipe } from './schema';
import type { ValueSummary } from '../results';
import type { Path } from './json-schema';

/** What is known of a recipe's surroundings; what is left out is not checked. */
export interface Surroundings {
  /** The layers of the model that the recipe names. */
  layers?: readonly NamedLayer[];
  /** The inputs of that model. */
  inputs?: readonly Pick<ValueSummary, 'name' | 'shape'>[];
  /** Whether the files and folders that the recipe names are there, by the text that names them. */
  exists?: Readonly<Record<string, boolean>>;
  /** What `target: auto` stands for here: the processor as Node names it. */
  arch?: string;
}

/**
 * What is doubtful about a recipe: all warnings or hints, in the order of the text. Layers and data are
 * checked even while other parts of the recipe are wrong; the rest only in a valid one.
 */
export function lint(parse: ParseResult, around: Surroundings = {}): Problem[] {
  const problems = [
    ...(around.layers?.length ? unmatched(parse, around.layers) : []),
    ...(around.layers?.length ? keepsEverything(parse, around.layers) : []),
    ...(around.layers?.length && parse.recipe
      ? ofKeptLayers(parse, parse.recipe, around.layers)
      : []),
    ...(around.inputs && parse.recipe ? doubtfulInputs(parse, parse.recipe, around.inputs) : []),
    ...(around.exists ? missingFiles(parse, around.exists) : []),
    ...sameData(parse),
    ...(parse.recipe ? withoutEffect(parse, parse.recipe) : []),
    ...(parse.recipe ? signedActivations(parse, parse.recipe, around) : []),
  ];
  return problems.sort((a, b) => a.range.start - b.range.start);
}

/** The paths that a recipe names, as they are written, without `random`: what `exists` should tell of. */
export function namedPaths(parse: ParseResult): { path: Path; text: string }[] {
  return dataOf(parse.doc);
}

/** Patterns that match no layer. */
function unmatched({ doc }: ParseResult, layers: readonly NamedLayer[]): Problem[] {
  const { keepFp32, layers: rules } = choicesOf(doc);
  const places = [
    ...keepFp32.map((pattern, i) => ({ pattern, path: ['keep_fp32', i] as Path })),
    ...rules.map(({ match }, i) => ({ pattern: match, path: ['layers', i, 'match'] as Path })),
  ];
  const matched = matchLayers(
    places.map(({ pattern }) => pattern),
    layers,
  );
  const names = layers.flatMap(({ name, absorbed }) => [name, ...(absorbed ?? [])]);
  const ops = new Map<string, number>();
  for (const { op } of layers) ops.set(op, (ops.get(op) ?? 0) + 1);
  const problems: Problem[] = [];
  matched.forEach(({ pattern, matches }, i) => {
    const path = places[i]?.path ?? [];
    if (matches.length || pattern === '') return;
    const more = (replacements: string[]): Partial<Problem> => ({
      severity: 'warning',
      ...(replacements.length ? { replacements } : {}),
    });
    if (typeof pattern !== 'string') {
      const near = suggest(pattern.op, ops.keys());
      const opPath = [...path, 'op'];
      problems.push(
        problemOn(doc, opPath, 'no-match', texts.noMatch(pattern.op, near), more(near)),
      );
      return;
    }
    const op = [...ops.keys()].find((name) => name.toLowerCase() === pattern.toLowerCase());
    if (op) {
      const text = texts.operatorAsName(op, ops.get(op) ?? 0);
      problems.push(problemOn(doc, path, 'no-match', text, more([`{ op: ${op} }`])));
      return;
    }
    const near = suggest(pattern, names);
    problems.push(problemOn(doc, path, 'no-match', texts.noMatch(pattern, near), more(near)));
  });
  return problems;
}

/** A recipe that leaves nothing to quantize. */
function keepsEverything({ doc }: ParseResult, layers: readonly NamedLayer[]): Problem[] {
  const plan = [...planLayers(choicesOf(doc), layers).values()];
  if (!plan.every(({ keep }) => keep)) return [];
  const section = plan[0]?.by?.[0] ?? 'keep_fp32';
  return [
    problemOn(doc, [section], 'keeps-everything', texts.keepsEverything(), {
      severity: 'warning',
      part: 'key',
    }),
  ];
}

/** Rules that quantize layers which `keep_fp32` keeps whatever they say. */
function ofKeptLayers(
  { doc }: ParseResult,
  recipe: Recipe,
  layers: readonly NamedLayer[],
): Problem[] {
  const rules = recipe.layers ?? [];
  const plan = planLayers(choicesOf(doc), layers);
  const matched = matchLayers(
    rules.map(({ match }) => match),
    layers,
  );
  return matched.flatMap(({ matches }, i) => {
    const { precision, activations, weights } = rules[i]!;
    const quantizes = precision === undefined ? (activations ?? weights) : precision !== 'fp32';
    const kept = matches.every((name) => {
      const wish = plan.get(name);
      return wish?.keep === true && wish.by?.[0] === 'keep_fp32';
    });
    if (!quantizes || matches.length === 0 || !kept) return [];
    const text = texts.keptAnyway(matches);
    return [problemOn(doc, ['layers', i, 'match'], 'no-effect', text, { severity: 'warning' })];
  });
}

/** Names under `inputs:` that the model does not have, and shapes that its own contradict. */
function doubtfulInputs(
  { doc }: ParseResult,
  recipe: Recipe,
  inputs: NonNullable<Surroundings['inputs']>,
): Problem[] {
  return Object.entries(recipe.inputs ?? {}).flatMap(([name, { shape }]): Problem[] => {
    const own = inputs.find((input) => input.name === name);
    if (!own) {
      const names = inputs.map((input) => input.name);
      const near = suggest(name, names);
      const replacements = near.length > 0 ? { replacements: near } : {};
      return [
        problemOn(doc, ['inputs', name], 'no-match', texts.noInput(name, near, names), {
          ...{ severity: 'warning', part: 'key' },
          ...replacements,
        }),
      ];
    }
    if (!shape || !own.shape || own.shape.length === 0 || fits(shape, own.shape)) return [];
    const text = texts.otherShape(name, own.shape);
    return [problemOn(doc, ['inputs', name, 'shape'], 'no-effect', text, { severity: 'warning' })];
  });
}

/** Whether a shape is one that a model's own, which may be open, allows. */
function fits(shape: readonly number[], own: NonNullable<ValueSummary['shape']>): boolean {
  return (
    shape.length === own.length &&
    own.every((size, i) => typeof size !== 'number' || size < 0 || size === shape[i])
  );
}

function missingFiles(parse: ParseResult, exists: Readonly<Record<string, boolean>>): Problem[] {
  return namedPaths(parse)
    .filter(({ text }) => Object.hasOwn(exists, text) && !exists[text])
    .map(({ path, text }) =>
      problemOn(parse.doc, path, 'not-found', texts.notFound(text), { severity: 'warning' }),
    );
}

/** Calibration on random data, or on what is also evaluated on. */
function sameData({ doc }: ParseResult): Problem[] {
  const named = dataOf(doc, true);
  const calibration = named.filter(({ path }) => path[0] === 'calibration');
  const problems: Problem[] = [];
  for (const { path, text } of calibration) {
    if (text === 'random')
      problems.push(
        problemOn(doc, path, 'random-data', texts.randomData(), { severity: 'warning' }),
      );
  }
  const seen = new Set(calibration.map(({ text }) => plainPath(text)));
  for (const { path, text } of named) {
    if (path[0] !== 'evaluate' || path[1] !== 'data' || text === 'random') continue;
    if (seen.has(plainPath(text)))
      problems.push(problemOn(doc, path, 'same-data', texts.sameData(), { severity: 'warning' }));
  }
  return problems;
}

/** Files of values that are taken as they are. */
const isArray = (name: string) => /\.(npy|npz|csv|pb)$/i.test(name);

/** Keys that are valid and change nothing. */
function withoutEffect({ doc }: ParseResult, recipe: Recipe): Problem[] {
  const problems: Problem[] = [];
  const hint = (path: Path, text: Text) =>
    problems.push(problemOn(doc, path, 'no-effect', text, { severity: 'warning', part: 'key' }));
  const mode = modeFor(recipe.quantization?.mode, recipe.target);
  if (recipe.fixed && recipe.target !== 'fpga-fixed')
    hint(['fixed'], texts.onlyForTarget('fixed', 'fpga-fixed'));
  if (mode === 'float16')
    for (const key of ['weights', 'improve'] as const)
      if (recipe.quantization?.[key]) hint(['quantization', key], texts.noEffect(key, mode));
  if (mode !== 'float16' && recipe.quantization?.half)
    hint(['quantization', 'half'], texts.noEffect('half', mode));
  if (recipe.quantization?.half?.type === 'bfloat16' && recipe.quantization.half.keep_io === false)
    hint(['quantization', 'half', 'keep_io'], texts.bfloat16Io());
  const only = ['block', 'method', 'form', 'accuracy_level'] as const;
  if (mode !== 'weight-only') {
    for (const key of only)
      if (recipe.quantization?.weights?.[key] !== undefined)
        hint(['quantization', 'weights', key], texts.noEffect(key, mode));
    recipe.layers?.forEach(({ weights }, i) => {
      if (weights) hint(['layers', i, 'weights'], texts.noEffect('weights', mode));
    });
  } else {
    const { weights, improve } = recipe.quantization ?? {};
    if (improve?.length) hint(['quantization', 'improve'], texts.noEffect('improve', mode));
    if (weights?.block !== undefined && (weights.granularity ?? 'block') !== 'block')
      hint(['quantization', 'weights', 'block'], texts.blockWithout(weights.granularity!));
    if (weights?.accuracy_level !== undefined && weights.form === 'qdq')
      hint(['quantization', 'weights', 'accuracy_level'], texts.levelWithoutNBits());
  }
  if (mode === 'dynamic' && recipe.quantization?.improve?.length)
    hint(['quantization', 'improve'], texts.noEffect('improve', mode));
  if (mode !== 'static') {
    for (const key of ['type', 'observer', 'percentile'] as const)
      if (recipe.quantization?.activations?.[key])
        hint(['quantization', 'activations', key], texts.noEffect(key, mode));
    recipe.layers?.forEach((rule, i) => {
      for (const key of ['observer', 'activations'] as const)
        if (rule[key]) hint(['layers', i, key], texts.noEffect(key, mode));
      if (rule.precision === 'int16')
        hint(['layers', i, 'precision'], texts.noEffect('precision: int16', mode));
    });
  } else if (recipe.quantization?.activations?.percentile !== undefined) {
    const observers = [recipe.quantization.activations, ...(recipe.layers ?? [])];
    if (!observers.some(({ observer }) => observer === 'percentile'))
      hint(['quantization', 'activations', 'percentile'], texts.percentileWithout());
  }
  recipe.layers?.forEach(({ precision, activations }, i) => {
    if (precision === 'fp32' && activations)
      hint(['layers', i, 'activations'], texts.keptPrecision());
  });
  const named = dataOf(doc, true).filter(({ path }) => path[1] === 'data');
  if (recipe.calibration?.image && named.length > 0 && named.every(({ text }) => isArray(text)))
    hint(['calibration', 'image'], texts.imageOfArrays());
  for (const limit of ['top1_drop', 'metric_drop'] as const)
    if (recipe.limits?.[limit] !== undefined && !recipe.evaluate)
      hint(['limits', limit], texts.limitWithout(limit, 'evaluate:'));
  const { metric } = recipe.evaluate ?? {};
  if (recipe.limits?.top1_drop !== undefined && metric !== undefined && metric !== 'top1')
    hint(['limits', 'top1_drop'], texts.limitWithout('top1_drop', 'metric: top1'));
  if (recipe.limits?.metric_drop !== undefined && (metric === 'sqnr' || metric === 'agreement'))
    hint(['limits', 'metric_drop'], texts.againstFp32(metric));
  return problems;
}

/** Signed activations where convolutions have kernels for unsigned ones. Without the layers, there may be some. */
function signedActivations({ doc }: ParseResult, recipe: Recipe, around: Surroundings): Problem[] {
  const { target = 'auto', quantization } = recipe;
  const onX86 = target === 'auto' ? around.arch === 'x64' : target.startsWith('x86-');
  const convolves = around.layers?.length ? around.layers.some(({ op }) => op === 'Conv') : true;
  const asked = quantization?.activations?.type === 'int8';
  if (!asked || !onX86 || !convolves || modeFor(quantization.mode, target) !== 'static') return [];
  const path = ['quantization', 'activations', 'type'];
  return [
    problemOn(doc, path, 'signed-activations', texts.signedActivations(), {
      severity: 'warning',
      replacements: ['uint8'],
    }),
  ];
}
