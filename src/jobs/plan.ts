import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { VernierError } from '../errors';
import { parseRecipe, type ParseResult } from '../recipe/parse';
import { lint, type Surroundings } from '../recipe/lint';
import type { NamedLayer } from '../recipe/match';
import { toVernierError, type Problem, type ProblemCode } from '../recipe/problem';
import { resolveRecipe, type ResolvedRecipe } from '../recipe/defaults';
import type { WideType } from '../quantize/wide';
import type { Note, Target } from '../results';
import { thisMachine } from './cpu';
import { holdsWide, TARGETS, type TargetTraits } from './targets';

/** A recipe with its paths resolved and `auto` decided. */
export interface Plan {
  recipe: ResolvedRecipe;
  /** The text that it came from, for warnings with their place. */
  parsed: ParseResult;
  recipePath: string;
  baseDir: string;
  model: string;
  output: string;
  target: Target;
  targetWasAuto: boolean;
  /** What the target asks of the numbers in the file. */
  traits: TargetTraits;
  /** Integer type of 8-bit activations. */
  activationType: 'uint8' | 'int8';
  /** The type of all activations where the recipe gives them 16 bits; null otherwise. */
  wideType: WideType | null;
  /** Weights leave headroom where 16-bit accumulators could clip (x86 without VNNI): where kernels read unsigned codes. */
  headroom: boolean;
  /** Samples of the layer analysis that the recipe asks for itself; null leaves it to the size of the model. */
  layerSamples: number | null;
  notes: Note[];
}

/** A recipe's text. Throws `recipe.not-found`. */
export async function readRecipe(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    throw new VernierError('recipe.not-found', `Cannot read the recipe '${file}'.`, {
      file,
      remedy: 'Check the path, or make a recipe with: vernier quantize MODEL --recipe FILE.',
    });
  }
}

/**
 * Reads a recipe's text into a plan. Throws `recipe.*` with line. Who writes anything lets {@link refuseOverwriting} look at it first.
 */
export async function makePlan(recipePath: string, text: string): Promise<Plan> {
  const parsed = parseRecipe(text, recipePath);
  const error = toVernierError(parsed.problems, recipePath);
  if (error) throw error;
  const recipe = resolveRecipe(parsed.recipe!);
  const baseDir = path.dirname(path.resolve(recipePath));
  const model = path.resolve(baseDir, recipe.model);
  const output = path.resolve(baseDir, recipe.output);
  const notes = parsed.problems.map((p) => warning(p, recipePath));
  const targetWasAuto = recipe.target === 'auto';
  const machine = recipe.target === 'auto' ? await thisMachine() : null;
  const target = recipe.target === 'auto' ? machine!.target : recipe.target;
  if (machine?.note)
    notes.push({ code: 'target-guessed', severity: 'info', message: machine.note });
  const traits = TARGETS[target];
  const written = parsed.recipe!.quantization?.activations?.type;
  const wideType = written === 'uint16' || written === 'int16' ? written : null;
  const narrow = written === 'uint8' || written === 'int8' ? written : traits.activations[0]!;
  const activationType = wideType ? (wideType === 'int16' ? 'int8' : 'uint8') : narrow;
  refuseForeign(recipe, target, traits, activationType, recipePath);
  refuseWide(recipe, target, traits, wideType, recipePath);
  return {
    recipe,
    parsed,
    recipePath,
    baseDir,
    model,
    output,
    target,
    targetWasAuto,
    traits,
    activationType,
    wideType,
    headroom: target === 'x86-avx2',
    layerSamples: parsed.recipe!.sensitivity?.samples ?? null,
    notes,
  };
}

/** Refuses what a target has no operators or types for. Throws `recipe.unsupported`. */
function refuseForeign(
  { quantization: { mode } }: ResolvedRecipe,
  target: Target,
  { modes, activations }: TargetTraits,
  type: 'uint8' | 'int8',
  file: string,
): void {
  if (modes && !modes.includes(mode))
    throw new VernierError(
      'recipe.unsupported',
      `The target ${target} has nothing that computes in mode ${mode}: it takes fixed scales.`,
      { file, remedy: `Write mode: ${modes.join(' or mode: ')}, or choose another target.` },
    );
  if (mode === 'static' && !activations.includes(type))
    throw new VernierError(
      'recipe.unsupported',
      `The target ${target} takes no ${type} activations.`,
      { file, remedy: `Write activations: { type: ${activations[0]} }, or leave it out.` },
    );
}

/** Refuses 16-bit activations for targets that take none. Throws `recipe.unsupported`. */
function refuseWide(
  { layers }: ResolvedRecipe,
  target: Target,
  traits: TargetTraits,
  type: WideType | null,
  file: string,
): void {
  const wide = type ?? layers.find((l) => l.activations ?? l.precision === 'int16');
  if (!wide || holdsWide(traits)) return;
  throw new VernierError(
    'recipe.unsupported',
    `The target ${target} takes no 16-bit activations.`,
    { file, remedy: 'Leave them out, or choose another target.' },
  );
}

/** What of a recipe's lint a result tells, too. */
const TOLD: readonly ProblemCode[] = ['no-match', 'no-effect', 'signed-activations'];

/** What is doubtful about a recipe once its model is known: names that match nothing, keys without effect. */
export function modelWarnings(
  plan: Plan,
  layers: readonly NamedLayer[],
  inputs: Surroundings['inputs'],
): Note[] {
  return lint(plan.parsed, { layers, inputs, arch: process.arch })
    .filter(({ code }) => TOLD.includes(code))
    .map((problem) => warning(problem, plan.recipePath));
}

function warning({ code, message, remedy }: Problem, file: string): Note {
  return { code, severity: 'warning', message, file, ...(remedy ? { remedy } : {}) };
}
