import { OutputDifference, type OutputDifferenceData } from '../../analyze/output-difference';
import { modelHash } from '../../onnx';
import { openModel } from '../../runtime/open-model';
import { runtimeVersion } from '../../runtime/session';
import type { ModelRounded, RunResult } from '../../results';
import { addNote, type JobContext } from '../context';
import { ENGINE_VERSION, feedsHash, keyOf, processor } from '../keys';
import { modeOf } from '../modes';
import type { Plan } from '../plan';
import type { Reference } from './evaluate';
import type { LayerSamples } from './layers';
import { findOnce } from '../unfinished';
import type { Quantized } from './quantize';

/**
 * Runs a float16 model with every value rounded and compares it with FP32; a warning says where it overflows. Does nothing
 * in other modes.
 */
export async function roundedStage(
  plan: Plan,
  result: RunResult,
  quantized: Quantized,
  reference: Reference,
  { feeds, positions }: LayerSamples,
  context: JobContext,
): Promise<void> {
  const simulate = modeOf(plan.recipe.quantization.mode).simulate?.(plan);
  if (!simulate || feeds.length === 0) return;
  const key = keyOf(
    ...['rounded', ENGINE_VERSION, runtimeVersion(), processor()],
    ...[modelHash(quantized.model), feedsHash(feeds)],
  );
  const data = await findOnce<OutputDifferenceData, OutputDifferenceData & { done: number }>(
    context.store,
    'rounded',
    key,
    async (resume) => {
      const { before } = resume;
      const done = before?.done ?? 0;
      await context.meter.begin('layer errors', feeds.length, 'every value rounded', done);
      const session = await openModel(simulate(quantized.model));
      const difference = new OutputDifference(session.outputs[0] ?? '', before ?? undefined);
      try {
        for (let i = done; i < feeds.length; i++) {
          difference.add(
            await reference.of(positions[i]!, feeds[i]!),
            await session.run(feeds[i]!),
          );
          await resume.step(() => ({ done: i + 1, ...difference.toData() }));
          await context.meter.step(i + 1, feeds.length, 'every value rounded');
        }
        return difference.toData();
      } finally {
        await session.release();
      }
    },
  );
  const { outputs, sameLabel } = new OutputDifference('', data);
  result.rounded = {
    samples: feeds.length,
    outputs: outputs.map(([name, { sqnrDb, maxAbs, notFinite }]) => ({
      name,
      sqnrDb,
      maxAbs,
      notFinite,
    })),
    sameLabel,
  };
  noteOverflow(result, result.rounded);
}

function noteOverflow(result: RunResult, { outputs, samples }: ModelRounded): void {
  const bad = outputs.find((o) => o.notFinite > 0);
  if (!bad) return;
  addNote(result.notes, {
    code: 'float16-overflows',
    severity: 'warning',
    message: `With every value rounded to float16, as on a GPU, ${bad.notFinite} values of '${bad.name}' are NaN or infinite on ${samples} samples.`,
    tensor: bad.name,
    remedy:
      'Calibrate on data like this: the layers that overflow then stay float32. Or keep them yourself.',
  });
}
