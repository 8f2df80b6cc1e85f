import type { Note } from '../../results';
import { findDuplicates, type SampleMark } from './sample-marks';

/** A share of duplicates from here on weakens what a calibration says. */
const MANY = 0.1;

/** What a reader must know of a calibration set: duplicates, and inputs of one value. */
export function setNotes(marks: readonly SampleMark[]): Note[] {
  const names = new Map(marks.map(({ position, name }) => [position, name]));
  const nameOf = (position: number) => names.get(position)!;
  const notes: Note[] = [];
  const { exact, near } = findDuplicates(marks);
  for (const [pairs, code, what] of [
    [exact, 'calibration-duplicates', 'equal'],
    [near, 'calibration-near-duplicates', 'next to equal'],
  ] as const) {
    const [pair] = pairs;
    if (!pair) continue;
    notes.push({
      code,
      severity: pairs.length >= MANY * marks.length ? 'warning' : 'info',
      message: `${pairs.length} of ${marks.length} calibration samples are ${what} to an earlier one, e.g. ${nameOf(pair[0])} to ${nameOf(pair[1])}.`,
      remedy: 'Take others instead: they add nothing to the ranges.',
    });
  }
  const inputs = new Map<string, number[]>();
  for (const { constant, position } of marks)
    for (const name of constant) inputs.set(name, [...(inputs.get(name) ?? []), position]);
  for (const [tensor, positions] of inputs)
    notes.push({
      code: 'calibration-constant-input',
      severity: 'warning',
      message: `Input '${tensor}' has one single value in ${positions.length} of ${marks.length} calibration samples, the first ${nameOf(positions[0]!)}.`,
      tensor,
      remedy: 'Check that these samples are what the model will see.',
    });
  return notes;
}
