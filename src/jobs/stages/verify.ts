import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { executedKernels, type Executed } from '../../analyze/executed';
import { VernierError } from '../../errors';
import { saveModel, type Feed, type Model } from '../../onnx';
import { optimizedGraph } from '../../runtime/optimized';
import { Session } from '../../runtime/session';
import type { Note } from '../../results';
import { addNote, type JobContext } from '../context';
import type { Subject } from '../subject';
import type { Quantized } from './quantize';

/** A written model that loads and runs, and how the runtime executes it. */
export interface Verified {
  executed: Map<string, Executed>;
  /** The graph that the runtime executes. */
  optimized: Model;
  session: Session;
}

/**
 * After every write (DESIGN §4.11): the file that ships is written beside its place, loaded, its optimized graph
 * read, and run once where there is a sample. Only then it takes the place of an earlier one.
 * A kept layer that the runtime executes in integers is an error of ours: `job.kept-layer-quantized`.
 */
export async function verifyStage(
  subject: Subject,
  quantized: Quantized,
  output: string,
  sample: Feed | null,
  notes: Note[],
  context: Pick<JobContext, 'temporary'>,
): Promise<Verified> {
  const trial = path.join(path.dirname(output), `.${path.basename(output)}.${process.pid}.tmp`);
  context.temporary(trial);
  let session: Session | null = null;
  try {
    await saveModel(quantized.model, trial);
    const optimized = await optimizedGraph(trial);
    const executed = executedKernels(optimized, subject.units, subject.prepared);
    session = await Session.open(trial);
    if (sample) await refuseBrokenOutputs(session, sample, output);
    checkExecuted(quantized, executed, output, notes);
    await rename(trial, output);
    return { executed, optimized, session };
  } catch (error) {
    await session?.release();
    throw namingOutput(error, trial, output);
  } finally {
    await rm(trial, { force: true });
  }
}

/** Refuses kept layers that run in integers, and notes integer ones that run in float. */
function checkExecuted(
  quantized: Quantized,
  executed: ReadonlyMap<string, Executed>,
  output: string,
  notes: Note[],
): void {
  for (const { unit, integer } of quantized.units) {
    const runs = executed.get(unit.name);
    if (!integer && runs?.precision === 'int8' && quantized.wishes.get(unit.name)?.keep)
      throw new VernierError(
        'job.kept-layer-quantized',
        `'${unit.name}' is kept in FP32, but the runtime would execute it as ${runs.kernel}.`,
        {
          node: unit.name,
          file: output,
          remedy: 'This is an error of Vernier: please report it with the model.',
        },
      );
    if (integer && unit.weight && runs?.precision === 'float32')
      addNote(notes, {
        code: 'executed-float',
        severity: 'warning',
        message: `'${unit.name}' is written in INT8, but onnxruntime executes it in float (${runs.kernel}).`,
        layer: unit.name,
      });
  }
}

/** The same error about the file that people know; what the file system says gets a code. */
function namingOutput(error: unknown, trial: string, output: string): unknown {
  if ((error as NodeJS.ErrnoException | null)?.syscall !== undefined)
    return new VernierError(
      'job.io',
      `Cannot write '${output}': ${(error as Error).message}`,
      { file: output, remedy: 'Check the folder and its permissions.' },
      { cause: error },
    );
  if (!(error instanceof VernierError)) return error;
  const file = error.place.file === trial ? output : error.place.file;
  const message = error.message.replaceAll(trial, output);
  return new VernierError(
    error.code,
    message,
    { ...error.place, ...(file ? { file } : {}) },
    { cause: error },
  );
}

async function refuseBrokenOutputs(session: Session, sample: Feed, output: string): Promise<void> {
  const results = await session.run(sample);
  for (const [name, { data }] of Object.entries(results))
    if (data instanceof Float32Array && data.length > 0 && data.every((x) => Number.isNaN(x)))
      throw new VernierError(
        'model.does-not-run',
        `The quantized model's output '${name}' is NaN everywhere.`,
        {
          file: output,
          tensor: name,
          remedy: 'Check the calibration data, and keep the layers before it in FP32.',
        },
      );
}
