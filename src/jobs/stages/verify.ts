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
  try {
    await saveModel(quantized.model, trial);
    const optimized = await optimizedGraph(trial);
    const executed = executedKernels(optimized, subject.units, subject.prepared);
    const session = await Session.open(trial);
    if (sample) await refuseBrokenOutputs(session, sample, output);
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
    await rename(trial, output);
    return { executed, optimized, session };
  } finally {
    await rm(trial, { force: true });
  }
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
