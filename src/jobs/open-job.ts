import path from 'node:path';
import type { Note } from '../results';
import type { JobContext, JobHooks } from './context';
import type { Memory } from './memory';
import { Meter } from './meter';
import { inputsOf } from './inputs';
import { readByRecipe, refuseOverwriting, writtenByRecipe } from './overwrites';
import { makePlan, modelWarnings, readRecipe, type Plan } from './plan';
import type { RecipeRequest } from './protocol';
import { refuseTypes } from './refuse-types';
import { Store } from './store';
import { namedLayers, openSubject, type Subject } from './subject';

/** A recipe and its model, read, and what the stages of a job need around them. */
export interface Job {
  plan: Plan;
  subject: Subject;
  context: JobContext;
  /** What is doubtful about the recipe, now that the model's layers are known. */
  notes: Note[];
}

/**
 * Reads a recipe and its model for a job of its own, which posts no results on its way. Throws `recipe.*`, `model.*`; refuses
 * to write over what it reads.
 */
export async function openJob(
  request: RecipeRequest,
  memory: Memory,
  hooks: Pick<JobHooks, 'progress' | 'temporary'>,
): Promise<Job> {
  const recipePath = path.resolve(request.recipePath);
  const plan = await makePlan(recipePath, request.text ?? (await readRecipe(recipePath)));
  const store = new Store(recipePath, request.saveEveryMs);
  await store.removeTemporary();
  const meter = new Meter((progress) => hooks.progress(progress));
  await meter.begin('read', 1);
  const subject = await openSubject(plan.model, memory, store);
  await refuseOverwriting(readByRecipe(plan, subject.source), [
    ...writtenByRecipe(plan),
    ...(request.writes ?? []),
  ]);
  refuseTypes(subject.source);
  const context: JobContext = {
    memory,
    meter,
    store,
    partial: () => undefined,
    temporary: (file) => hooks.temporary?.(file),
  };
  const inputs = inputsOf(subject.source);
  const notes = [...plan.notes, ...modelWarnings(plan, namedLayers(subject), inputs)];
  return { plan, subject, context, notes };
}
