import type { RunUntil } from '../jobs/protocol';
import type { RangeFormat } from '../jobs/range-formats';
import { schemasAt } from '../recipe/json-schema';
import { isMode } from '../recipe/modes';
import { suggest } from '../recipe/suggest';
import type { Mode, SensitivityStage, Target } from '../results';
import type { SensitivityMeasure } from '../results-sensitivity';
import { readCalibrateFlags, readMergeFlags } from './calibrate-flags';
import { readRecipeFlags, recipeFlagNames, type RecipeFlags } from './recipe-flags';
import { readSensitivityFlags } from './sensitivity-flags';
import {
  last,
  positive,
  reportFile,
  tokenize,
  usage,
  type ReportFile,
  type Tokens,
} from './tokens';

/** How a command talks. */
export interface Manner {
  json: boolean;
  quiet: boolean;
}

export type { ReportFile } from './tokens';

interface RunOptions extends Manner {
  report: ReportFile | null;
  until: RunUntil;
}

/** What the command line asks for. */
export type Command =
  | { name: 'help'; about: string | null }
  | { name: 'version' }
  | ({ name: 'inspect'; model: string } & Manner)
  | ({
      name: 'fusions';
      model: string;
      /** Time what fusing gains. */
      measure: boolean;
      data: string[];
      /** Null: the runtime's own number. */
      threads: number | null;
      report: string | null;
    } & Manner)
  | ({ name: 'check'; model: string; target: CheckedTarget } & Manner)
  | ({
      name: 'dequantize';
      model: string;
      output: string | null;
      data: string[];
      samples: number | null;
    } & Manner)
  | ({
      name: 'diff';
      a: string;
      b: string;
      data: string[];
      samples: number | null;
      /** A recipe whose evaluation data both run on. */
      recipe: string | null;
      time: boolean;
      report: string | null;
    } & Manner)
  | ({
      name: 'choose';
      /** A model, or with `flags` null a recipe. */
      subject: string;
      flags: RecipeFlags | null;
      /** Null: those of `mode: auto`. */
      modes: Mode[] | null;
    } & Manner)
  | ({
      name: 'calibrate';
      /** A model, or with `flags` null a recipe. */
      subject: string;
      flags: RecipeFlags | null;
      shard: { index: number; of: number } | null;
      /** The file that the statistics go to. */
      output: string | null;
      exports: { format: RangeFormat; file: string }[];
    } & Manner)
  | ({
      name: 'plan';
      /** A model, or with `flags` null a recipe. */
      subject: string;
      flags: RecipeFlags | null;
      /** Null: the job's own. */
      layers: number | null;
      minutes: number | null;
      timed: boolean;
      write: boolean;
      report: ReportFile | null;
    } & Manner)
  | ({
      name: 'sensitivity';
      /** A model, or with `flags` null a recipe. */
      subject: string;
      flags: RecipeFlags | null;
      /** Null: what the recipe says. */
      stage: SensitivityStage | null;
      measure: SensitivityMeasure;
      /** Null: the job's own. */
      top: number | null;
      minutes: number | null;
      report: ReportFile | null;
    } & Manner)
  | ({
      name: 'auto';
      /** A model, or with `flags` null a recipe. */
      subject: string;
      flags: RecipeFlags | null;
      /** Null: the job's own. */
      minutes: number | null;
      /** Puts what was found into the recipe. */
      write: boolean;
      /** The file that the recipe which was found goes to. */
      recipe: string | null;
      report: ReportFile | null;
    } & Manner)
  | ({ name: 'merge'; files: string[]; output: string } & Manner)
  | ({ name: 'run'; recipe: string } & RunOptions)
  | ({ name: 'quantize'; model: string; recipe: string | null; flags: RecipeFlags } & RunOptions);

/** Targets whose rules a file can be checked by. */
export type CheckedTarget = Extract<Target, 'tensorrt' | 'fpga-fixed' | 'onnx' | 'x86-avx2'>;

const COMMANDS = [
  'inspect',
  'check',
  'fusions',
  'quantize',
  'run',
  'calibrate',
  'merge',
  'choose',
  'plan',
  'sensitivity',
  'auto',
  'dequantize',
  'diff',
] as const;
const CHECKED: readonly CheckedTarget[] = ['tensorrt', 'fpga-fixed', 'onnx', 'x86-avx2'];
const STAGES: readonly RunUntil[] = ['calibrate', 'quantize', 'evaluate', 'all'];
const MANNER = ['json', 'quiet', 'help', 'version'];
const OWN: Record<(typeof COMMANDS)[number], readonly string[]> = {
  inspect: MANNER,
  check: [...MANNER, 'target'],
  fusions: [...MANNER, 'measure', 'data', 'threads', 'report'],
  run: [...MANNER, 'report', 'until'],
  quantize: [...MANNER, 'report', 'until', 'recipe'],
  dequantize: [...MANNER, 'output', 'data', 'samples'],
  diff: [...MANNER, 'data', 'samples', 'recipe', 'time', 'report'],
  choose: [...MANNER, 'modes'],
  plan: [...MANNER, 'layers', 'minutes', 'untimed', 'write', 'report'],
  sensitivity: [...MANNER, 'stage', 'measure', 'top', 'minutes', 'report'],
  auto: [...MANNER, 'minutes', 'write', 'recipe', 'report'],
  calibrate: [...MANNER, 'shard', 'output', 'export'],
  merge: [...MANNER, 'output'],
};

/** Reads a command line. Throws `cli.usage` with what is wrong and a remedy. */
export function parseCommand(args: readonly string[]): Command {
  const tokens = tokenize(args);
  const [word, ...rest] = tokens.positionals;
  const has = (name: string) => tokens.flags.some((flag) => flag.name === name);
  if (word === 'help') return { name: 'help', about: rest[0] ?? null };
  if (has('help')) return { name: 'help', about: word ?? null };
  if (has('version')) return { name: 'version' };
  if (word === undefined) {
    if (tokens.flags.length > 0)
      throw usage('Which command?', `Begin with ${COMMANDS.join(', ')}.`);
    return { name: 'help', about: null };
  }
  const command = COMMANDS.find((name) => name === word);
  if (!command) throw unknownCommand(word);
  const subject = command === 'merge' || command === 'diff' ? '' : onlyOne(command, rest);
  const manner = { json: has('json'), quiet: has('quiet') };
  const recipeFlags = checkFlags(command, tokens);
  switch (command) {
    case 'inspect':
      return { name: command, model: subject, ...manner };
    case 'fusions':
      return { name: command, model: subject, ...fusionOptions(tokens), ...manner };
    case 'check':
      return { name: command, model: subject, target: checkedTarget(tokens), ...manner };
    case 'dequantize':
      return {
        name: command,
        model: subject,
        output: last(tokens, 'output') ?? null,
        data: dataOf(tokens),
        samples: sampleCount(last(tokens, 'samples')),
        ...manner,
      };
    case 'diff':
      return { name: command, ...diffOptions(tokens, rest), ...manner };
    case 'choose':
      return {
        name: command,
        subject,
        flags: isRecipe(subject) ? null : readRecipeFlags(recipeFlags),
        modes: readModes(tokens),
        ...manner,
      };
    case 'plan':
      return {
        name: command,
        subject,
        flags: isRecipe(subject) ? null : readRecipeFlags(recipeFlags),
        ...planOptions(tokens, isRecipe(subject)),
        ...manner,
      };
    case 'sensitivity':
      return {
        name: command,
        subject,
        flags: isRecipe(subject) ? null : readRecipeFlags(recipeFlags),
        ...readSensitivityFlags(tokens),
        ...manner,
      };
    case 'auto':
      return {
        name: command,
        subject,
        flags: isRecipe(subject) ? null : readRecipeFlags(recipeFlags),
        ...autoOptions(tokens, isRecipe(subject)),
        ...manner,
      };
    case 'calibrate':
      return {
        name: command,
        subject,
        flags: isRecipe(subject) ? null : readRecipeFlags(recipeFlags),
        ...readCalibrateFlags(tokens),
        ...manner,
      };
    case 'merge':
      return { name: command, ...readMergeFlags(rest, tokens), ...manner };
    case 'run':
      return { name: command, recipe: subject, ...manner, ...runOptions(tokens) };
    case 'quantize':
      return {
        name: command,
        model: subject,
        recipe: last(tokens, 'recipe') ?? null,
        flags: readRecipeFlags(recipeFlags),
        ...manner,
        ...runOptions(tokens),
      };
  }
}

function unknownCommand(word: string) {
  if (isModel(word))
    return usage(`What shall be done with '${word}'?`, `Write: vernier inspect ${word}`);
  if (isRecipe(word))
    return usage(`What shall be done with '${word}'?`, `Write: vernier run ${word}`);
  const [near] = suggest(word, COMMANDS, 1);
  return usage(
    `There is no command '${word}'.`,
    near ? `Did you mean ${near}?` : `There are ${COMMANDS.join(', ')}; see vernier --help.`,
  );
}

function onlyOne(command: (typeof COMMANDS)[number], rest: readonly string[]): string {
  const either = EITHER.has(command);
  const what = command === 'run' ? 'recipe' : either ? 'model or recipe' : 'model';
  const form = `vernier ${command} ${what.toUpperCase().replace(' OR ', '|')}`;
  const [subject, extra] = rest;
  if (subject === undefined) throw usage(`Which ${what}?`, `Write: ${form}`);
  if (extra !== undefined)
    throw usage(`'${extra}' is one ${what} too many.`, `Write: ${form}; put globs in quotes.`);
  if (command === 'run' && isModel(subject))
    throw usage(
      `'${subject}' is a model, and run takes a recipe.`,
      `Write: vernier quantize ${subject}`,
    );
  if (!either && command !== 'run' && isRecipe(subject))
    throw usage(
      `'${subject}' is a recipe, and ${command} takes a model.`,
      command === 'quantize' ? `Write: vernier run ${subject}` : 'Name the model that is in it.',
    );
  return subject;
}

/** Splits off the flags that are recipe keys; others that the command does not know are refused. */
function checkFlags(command: (typeof COMMANDS)[number], tokens: Tokens): Tokens['flags'] {
  const own = OWN[command];
  const foreign = tokens.flags.filter(({ name }) => !own.includes(name));
  if (command === 'quantize') return foreign;
  const either = EITHER.has(command);
  if (either && !isRecipe(tokens.positionals[1] ?? '')) return foreign;
  const [first] = foreign;
  if (!first) return [];
  const [near] = suggest(first.name, own, 1);
  const isKey = recipeFlagNames().includes(first.name);
  throw usage(
    `${command} has no flag --${first.name}.`,
    isKey
      ? 'Recipe keys are flags of quantize, and of choose, plan, sensitivity, auto and calibrate for a model; in a recipe they stand already.'
      : near
        ? `Did you mean --${near}?`
        : `See vernier ${command} --help.`,
  );
}

/** Commands that take a recipe, or a model and the keys of a recipe as flags. */
const EITHER: ReadonlySet<string> = new Set(['choose', 'plan', 'sensitivity', 'auto', 'calibrate']);

function planOptions(tokens: Tokens, recipe: boolean) {
  const write = tokens.flags.some(({ name }) => name === 'write');
  if (write && !recipe)
    throw usage('--write changes a recipe, and a model is none.', 'Name the recipe.');
  const report = last(tokens, 'report');
  const layers = last(tokens, 'layers');
  return {
    layers: layers === undefined ? null : positive('layers', layers, true),
    minutes: minutesOf(tokens),
    timed: !tokens.flags.some(({ name }) => name === 'untimed'),
    write,
    report: report === undefined ? null : reportFile(report),
  };
}

function autoOptions(tokens: Tokens, recipe: boolean) {
  const write = tokens.flags.some(({ name }) => name === 'write');
  const file = last(tokens, 'recipe') ?? null;
  if (write && !recipe)
    throw usage('--write changes a recipe, and a model is none.', 'Write --recipe FILE.');
  if (file !== null && recipe)
    throw usage('--recipe is for a model.', 'Write --write, to change the recipe.');
  const report = last(tokens, 'report');
  return {
    minutes: minutesOf(tokens),
    write,
    recipe: file,
    report: report === undefined ? null : reportFile(report),
  };
}

function minutesOf(tokens: Tokens): number | null {
  const minutes = last(tokens, 'minutes');
  return minutes === undefined ? null : positive('minutes', minutes, false);
}

const isRecipe = (subject: string) => /\.ya?ml$/i.test(subject);
const isModel = (subject: string) => /\.onnx$/i.test(subject);

/** `--modes dynamic,static`, or given several times. Throws for one that a recipe cannot name. */
function readModes(tokens: Tokens): Mode[] | null {
  const given = tokens.flags.filter(({ name }) => name === 'modes');
  if (given.length === 0) return null;
  const known = schemasAt(['quantization', 'mode']).flatMap((node) => node.enum ?? []);
  const names = given.flatMap(({ value }) => String(value).split(','));
  return names.map((name) => {
    const word = name.trim();
    if (word !== 'auto' && isMode(word) && known.includes(word)) return word;
    const all = known.filter((mode) => mode !== 'auto').join(', ');
    throw usage(`--modes takes ${all}, not '${word}'.`);
  });
}

function runOptions(tokens: Tokens): { report: ReportFile | null; until: RunUntil } {
  const report = last(tokens, 'report');
  const until = last(tokens, 'until') ?? 'all';
  const stage = STAGES.find((name) => name === until);
  if (!stage) throw usage(`--until takes ${STAGES.join(', ')}, not '${until}'.`);
  return { report: report === undefined ? null : reportFile(report), until: stage };
}

function checkedTarget(tokens: Tokens): CheckedTarget {
  const target = last(tokens, 'target');
  const found = CHECKED.find((name) => name === target);
  if (found) return found;
  throw usage(
    target === undefined
      ? 'By whose rules?'
      : `There are no rules to check a file by for '${target}'.`,
    `Write --target ${CHECKED.join(', or ')}.`,
  );
}

/** Two models, and on what and how they are compared. */
function diffOptions(tokens: Tokens, rest: readonly string[]) {
  const [a, b, extra] = rest;
  if (a === undefined || b === undefined)
    throw usage('Which two models?', 'Write: vernier diff MODEL OTHER');
  if (extra !== undefined)
    throw usage(`'${extra}' is one model too many.`, 'Write: vernier diff MODEL OTHER');
  const report = last(tokens, 'report');
  if (report !== undefined && reportFile(report).format !== 'html')
    throw usage(`A comparison is written as .html, not '${report}'.`);
  const recipe = last(tokens, 'recipe') ?? null;
  if (recipe !== null && tokens.flags.some(({ name }) => name === 'data'))
    throw usage('Samples are those of --data or those of --recipe, not both.');
  return {
    a,
    b,
    recipe,
    data: dataOf(tokens),
    samples: sampleCount(last(tokens, 'samples')),
    time: tokens.flags.some(({ name }) => name === 'time'),
    report: report ?? null,
  };
}

/** Whether and on what fusions are timed, and where they are written. */
function fusionOptions(tokens: Tokens) {
  const measure = tokens.flags.some(({ name }) => name === 'measure');
  const data = dataOf(tokens);
  const threads = last(tokens, 'threads');
  if ((data.length > 0 || threads !== undefined) && !measure)
    throw usage('--data and --threads are for timing.', 'Add --measure, or leave them out.');
  const report = last(tokens, 'report');
  if (report !== undefined && reportFile(report).format !== 'html')
    throw usage(`Fusions are written as .html, not '${report}'.`);
  return {
    measure,
    data,
    threads: threads === undefined ? null : positive('threads', threads, true),
    report: report ?? null,
  };
}

/** Every `--data`. */
function dataOf(tokens: Tokens): string[] {
  return tokens.flags.flatMap(({ name, value }) =>
    name === 'data' && typeof value === 'string' ? [value] : [],
  );
}

function sampleCount(text: string | undefined): number | null {
  if (text === undefined) return null;
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw usage(`--samples takes a number from 1 on, not '${text}'.`);
  return count;
}
