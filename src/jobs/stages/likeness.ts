import {
  interleavedInputs,
  likenessNotes,
  layoutNotes,
  likenessPositions,
  trainingLikeness,
} from '../../analyze/calibration-set/likeness';
import { isImage, type Feed } from '../../data';
import { VernierError } from '../../errors';
import type { RunResult, TrainingLikeness } from '../../results';
import { addNote, type JobContext } from '../context';
import { keyOf } from '../keys';
import type { Selection } from '../samples';
import type { Subject } from '../subject';
import { calibrationKey } from './calibrate';

/** What is known of a calibration set beside what training saw. */
interface Known {
  likeness: TrainingLikeness | null;
  /** Why they could not be compared; null where they were, or there is nothing to compare with. */
  failure: string | null;
  interleaved: string[];
}

/**
 * Looks whether calibration data is prepared as it was in training, once for a model and its data. Random data is like nothing
 * and says so already.
 */
export async function likenessStage(
  subject: Subject,
  selection: Selection | null,
  result: RunResult,
  { store, memory }: JobContext,
): Promise<void> {
  if (!selection || selection.source.random || !result.calibrationReport) return;
  const key = keyOf('likeness-3', calibrationKey(subject, selection));
  const { likeness, failure, interleaved } = await memory.get('likeness', key, async () => {
    const stored = await store.read<Known>(`likeness.${key}`);
    if (stored) return stored;
    const samples = await someSamples(selection);
    const found: Known = {
      ...(await compared(
        subject,
        samples,
        () => someSamples(selection, true),
        readsPictures(selection),
      )),
      interleaved: interleavedInputs(samples),
    };
    await store.write(`likeness.${key}`, found);
    return found;
  });
  result.calibrationReport.likeness = likeness;
  const notes = likenessNotes(likeness);
  if (failure !== null)
    addNote(result.notes, {
      code: 'calibration-not-compared',
      severity: 'info',
      message: `The calibration data was not compared with what training saw: ${failure}`,
    });
  const told = notes.some(({ code }) => code === 'calibration-wrong-layout');
  for (const note of told ? notes : [...notes, ...layoutNotes(interleaved)])
    addNote(result.notes, note);
}

/** The comparison; a part of a model that does not run by itself is no reason not to go on with the whole. */
async function compared(
  { source, inputs }: Subject,
  samples: readonly Feed[],
  more: () => Promise<readonly Feed[]>,
  pictures: boolean,
): Promise<Pick<Known, 'likeness' | 'failure'>> {
  try {
    const likeness = await trainingLikeness(source, inputs, samples, more, pictures);
    return { likeness, failure: null };
  } catch (error) {
    const alone = ['model.does-not-load', 'model.does-not-run'];
    if (!(error instanceof VernierError) || !alone.includes(error.code)) throw error;
    return { likeness: null, failure: error.message };
  }
}

function readsPictures({ source, indices }: Selection): boolean {
  return indices.length > 0 && isImage(source.origin(indices[0]!).file ?? '');
}

/** Some of the samples, or more of them. */
async function someSamples({ source, indices }: Selection, again = false): Promise<Feed[]> {
  if (indices.length === 0) return [];
  const first = await source.sample(indices[0]!);
  const samples: Feed[] = [];
  for (const i of likenessPositions(indices.length, first, again))
    samples.push(i === 0 ? first : await source.sample(indices[i]!));
  return samples;
}
