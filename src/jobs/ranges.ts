import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { VernierError } from '../errors';
import { readRanges, UNUSABLE, type ImportedRanges, type Unusable } from '../quantize/ranges';
import type { Note } from '../results';
import { keyOf } from './keys';
import type { Plan } from './plan';
import type { Subject } from './subject';

/** The ranges of a recipe's file. */
export interface RecipeRanges extends ImportedRanges {
  /** As the recipe names it. */
  name: string;
  /** Hash of its contents. */
  key: string;
}

/** Reads `calibration.ranges`; null where the recipe has none. Throws `data.not-found`, `data.bad-format`. */
export async function openRanges(plan: Plan): Promise<RecipeRanges | null> {
  const name = plan.recipe.calibration?.ranges;
  if (name == null) return null;
  const file = path.resolve(plan.baseDir, name);
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch {
    throw new VernierError('data.not-found', `Cannot read the ranges '${name}'.`, {
      file,
      remedy: 'Check the path: it is relative to the folder of the recipe.',
    });
  }
  const key = keyOf('ranges', bytes.toString('base64'));
  return { ...readRanges(file, bytes, plan.activationType), name, key };
}

/** What a reader must know of a file of ranges: what of it was not used, and that it comes from random data. */
export function rangeNotes(imported: RecipeRanges, subject: Subject): Note[] {
  const { name, ranges, skipped, random } = imported;
  const known = new Set([
    ...subject.prepared.graph.input.map((v) => v.name),
    ...subject.prepared.graph.node.flatMap((n) => n.output),
    ...subject.source.graph.node.flatMap((n) => n.output),
  ]);
  const strangers = [...ranges.keys()].filter((tensor) => !known.has(tensor));
  const notes: Note[] = [];
  if (strangers.length > 0)
    notes.push({
      code: 'ranges-unknown-tensor',
      severity: strangers.length === ranges.size ? 'warning' : 'info',
      message: `'${name}' has ranges of ${strangers.length} ${strangers.length === 1 ? 'tensor' : 'tensors'} that the model does not have: ${some(strangers)}.`,
      file: name,
      remedy: 'Ranges go by the names of tensors: check that the file belongs to this model.',
    });
  notes.push(...skippedNotes(name, skipped));
  if (random)
    notes.push({
      code: 'random-calibration',
      severity: 'warning',
      message: `The ranges of '${name}' come from random data: they say nothing about real inputs.`,
      file: name,
      remedy: 'Calibrate on real samples: calibration: { data: … }.',
    });
  return notes;
}

/** One note for each reason why entries are not used: a warning where it is a mistake. */
function skippedNotes(name: string, skipped: ReadonlyMap<string, Unusable>): Note[] {
  return [...new Set(skipped.values())].map((kind) => {
    const tensors = [...skipped].filter(([, why]) => why === kind).map(([tensor]) => tensor);
    const { why, remedy } = UNUSABLE[kind];
    const count = tensors.length > 1 ? `${tensors.length} tensors ` : '';
    return {
      code: 'ranges-skipped',
      severity: remedy === null ? 'info' : 'warning',
      message: `'${name}' has no usable range for ${count}${some(tensors)}: ${why}; without data, layers that need it stay float.`,
      tensor: tensors[0]!,
      file: name,
      ...(remedy !== null && { remedy }),
    };
  });
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, 3).map((name) => `'${name}'`);
  return shown.join(', ') + (names.length > 3 ? ', …' : '');
}
