import type { Note } from '../../results';
import { findDuplicates, namesAt, type SampleMark } from './sample-marks';

/** A share of duplicates from here on weakens what a calibration says. */
const MANY = 0.1;

/**
 * What a reader must know of a calibration set: values that are not finite, duplicates, and inputs of one value.
 * @param fileOf the file of a sample, where it is known
 */
export function setNotes(
  marks: readonly SampleMark[],
  fileOf: (position: number) => string | null = () => null,
): Note[] {
  const nameOf = namesAt(marks);
  const notes = notFiniteNotes(marks, fileOf);
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

/** One note for each input with NaN or infinity: the first place, and in how many samples. */
function notFiniteNotes(
  marks: readonly SampleMark[],
  fileOf: (position: number) => string | null,
): Note[] {
  const found = new Map<string, { message: string; file: string | null; samples: number }>();
  for (const { position, name, notFinite = [] } of marks)
    for (const { input, element, value } of notFinite) {
      const message = `the first in ${name}, element ${element} (${value})`;
      const seen = found.get(input) ?? { message, file: fileOf(position), samples: 0 };
      found.set(input, { ...seen, samples: seen.samples + 1 });
    }
  return [...found].map(([tensor, { message, file, samples }]) => ({
    code: 'data.not-finite',
    severity: 'warning',
    message: `${samples} calibration ${samples === 1 ? 'sample has' : 'samples have'} values of input '${tensor}' that are not finite, ${message}.`,
    tensor,
    ...(file === null ? {} : { file }),
    remedy: 'Take these samples out, or fill the gaps as it was done in training.',
  }));
}
