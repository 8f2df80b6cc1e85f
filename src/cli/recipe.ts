import path from 'node:path';
import { VernierError } from '../errors';
import { recipeFromFlags } from '../recipe/flags';
import { formsAt } from '../recipe/json-schema';
import { calibrationNeed, isMode, modeFor } from '../recipe/modes';
import { parseRecipe } from '../recipe/parse';
import { toVernierError, type Problem } from '../recipe/problem';
import { splitKey } from '../recipe/write';
import { flagOf, type RecipeFlags } from './recipe-flags';
import { usage } from './tokens';

/** A recipe made of flags: its text and where it stands, or would stand. */
export interface MadeRecipe {
  path: string;
  text: string;
}

/** Keys that hold paths. On the command line they start at the current folder, in a recipe at the recipe. */
const PATHS = [
  'output',
  'calibration.data',
  'calibration.ranges',
  'calibration.statistics_file',
  'evaluate.data',
  'evaluate.labels',
  'evaluate.metric',
];

/**
 * The recipe that the flags of `quantize` amount to.
 * @param file where `--recipe` wants it; beside the model otherwise
 * @throws `cli.usage` or `recipe.*` where it would not be valid
 */
export function makeRecipe(
  model: string,
  flags: RecipeFlags,
  file: string | null,
  cwd: string,
): MadeRecipe {
  const absolute = path.resolve(cwd, model);
  const recipePath = file === null ? besideModel(absolute) : path.resolve(cwd, file);
  const folder = path.dirname(recipePath);
  const keys: RecipeFlags = { model: fromFolder(folder, absolute), ...flags };
  for (const key of PATHS) {
    const value = keys[key];
    if (value === undefined) continue;
    const forms = formsAt(key.split('.'));
    const isPath = (text: string) =>
      text !== 'random' && (forms.length === 0 || forms.some(({ pattern }) => pattern.test(text)));
    const move = (text: unknown) =>
      isPath(String(text)) ? fromFolder(folder, path.resolve(cwd, String(text))) : text;
    keys[key] = Array.isArray(value) ? value.map(move) : move(value);
  }
  const source =
    keys['calibration.data'] ?? keys['calibration.ranges'] ?? keys['calibration.statistics_file'];
  if (wantsData(keys.quantization, keys['quantization.mode'], keys.target) && source === undefined)
    throw usage(
      'Static quantization needs calibration data.',
      'Give --data PATH (or --data random, to try it out), or --mode dynamic, which needs none.',
    );
  const text = recipeFromFlags(keys);
  const problems = parseRecipe(text, recipePath).problems.map((problem) => ofFlag(problem, flags));
  const error = toVernierError(problems, recipePath);
  if (error) throw withoutPlace(error, recipePath);
  return { path: recipePath, text };
}

/** A mode that is no mode is for the recipe's own check to refuse. */
function wantsData(quantization: unknown, mode: unknown, target: unknown): boolean {
  if (quantization === 'auto') return false;
  const meant = mode ?? modeFor(undefined, target === 'nvidia-fp16' ? target : undefined);
  return isMode(meant) && calibrationNeed(meant) === 'needed';
}

/** `NAME.quant.yaml` beside the model. */
function besideModel(model: string): string {
  const { dir, name } = path.parse(model);
  return path.join(dir, `${name}.quant.yaml`);
}

/** A path as a recipe writes it: relative where that leads somewhere, with forward slashes. */
function fromFolder(folder: string, target: string): string {
  const relative = path.relative(folder, target) || '.';
  return path.sep === '\\' ? relative.replaceAll('\\', '/') : relative;
}

/** A problem with the flag that it is about before it, where it is about one. */
function ofFlag(problem: Problem, flags: RecipeFlags): Problem {
  const { path: at = [], message } = problem;
  const named = Object.keys(flags).filter((key) =>
    splitKey(key).every((step, i) => step === String(at[i])),
  );
  const [key] = named.sort((a, b) => b.length - a.length);
  return key === undefined ? problem : { ...problem, message: `${flagOf(key)}: ${message}` };
}

/** The recipe is in no file yet: its lines would lead nowhere. */
function withoutPlace({ code, message, place }: VernierError, recipePath: string): VernierError {
  const plain = message.replaceAll(new RegExp(`^${escape(recipePath)}:\\d+:\\d+ `, 'gm'), '');
  return new VernierError(code, plain, place.remedy ? { remedy: place.remedy } : {});
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
