import path from 'node:path';
import { VernierError } from '../errors';
import { parseRecipe } from '../recipe/parse';
import { toVernierError } from '../recipe/problem';
import { resolveRecipe, type ResolvedRecipe } from '../recipe/defaults';
import type { Note, Target } from '../results';
import { machineTarget } from './cpu';

/** A recipe with its paths resolved and `auto` decided. */
export interface Plan {
  recipe: ResolvedRecipe;
  recipePath: string;
  baseDir: string;
  model: string;
  output: string;
  target: Target;
  targetWasAuto: boolean;
  activationType: 'uint8' | 'int8';
  /** Bits of the weights: 7 where 16-bit accumulators could saturate. */
  weightBits: number;
  /** Samples of the layer analysis that the recipe asks for itself; null leaves it to the size of the model. */
  layerSamples: number | null;
  notes: Note[];
}

/**
 * Reads a recipe's text into a plan. Throws `recipe.*` with line; refuses a recipe whose output is its own model.
 */
export async function makePlan(recipePath: string, text: string): Promise<Plan> {
  const parsed = parseRecipe(text, recipePath);
  const error = toVernierError(parsed.problems, recipePath);
  if (error) throw error;
  const recipe = resolveRecipe(parsed.recipe!);
  const baseDir = path.dirname(path.resolve(recipePath));
  const model = path.resolve(baseDir, recipe.model);
  const output = path.resolve(baseDir, recipe.output);
  if (model === output)
    throw new VernierError('recipe.overwrites-model', 'output: names the model itself.', {
      file: recipePath,
      remedy: 'Give the output another name; the source model is never overwritten.',
    });
  const notes: Note[] = parsed.problems.map((p) => ({
    code: p.code,
    severity: 'warning',
    message: p.message,
    file: recipePath,
    ...(p.remedy ? { remedy: p.remedy } : {}),
  }));
  const targetWasAuto = recipe.target === 'auto';
  const machine = await machineTarget();
  const target = recipe.target === 'auto' ? machine.target : recipe.target;
  if (targetWasAuto && machine.note)
    notes.push({ code: 'target-guessed', severity: 'info', message: machine.note });
  const written = parsed.recipe!.quantization?.activations?.type;
  const activationType =
    written ?? (target === 'arm64' ? 'int8' : recipe.quantization.activations.type);
  return {
    recipe,
    recipePath,
    baseDir,
    model,
    output,
    target,
    targetWasAuto,
    activationType,
    weightBits: target === 'x86-avx2' && activationType === 'uint8' ? 7 : 8,
    layerSamples: parsed.recipe!.sensitivity?.samples ?? null,
    notes,
  };
}
