import { isScores } from '../../analyze/evaluate';
import { floatsOf, perSample } from '../../data';
import { ClosenessAccumulator } from '../../numeric';
import { inlineExternal, serializeModel } from '../../onnx';
import { Session } from '../../runtime/session';
import type { ModelRounded, RunResult } from '../../results';
import { addNote, type JobContext } from '../context';
import { modeOf } from '../modes';
import type { Plan } from '../plan';
import type { Reference } from './evaluate';
import type { LayerSamples } from './layers';
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
  await context.meter.begin('layer errors', feeds.length, 'every value rounded');
  const session = await Session.open(serializeModel(inlineExternal(simulate(quantized.model))));
  const sums = new Map<string, ClosenessAccumulator>();
  const same: number[] = [];
  try {
    for (const [i, feed] of feeds.entries()) {
      const exact = await reference.of(positions[i]!, feed);
      const got = await session.run(feed);
      for (const [name, value] of Object.entries(exact)) {
        const [a, b] = [floatsOf(value), floatsOf(got[name])];
        if (a && b && a.length === b.length)
          sums.set(name, (sums.get(name) ?? new ClosenessAccumulator()).add(a, b));
      }
      const first = session.outputs[0] ?? '';
      const [output, wanted] = [got[first], exact[first]];
      if (output && wanted && isScores(wanted))
        same.push(perSample('agreement', { output, label: null, reference: wanted }));
      await context.meter.step(i + 1, feeds.length, 'every value rounded');
    }
  } finally {
    await session.release();
  }
  result.rounded = {
    samples: feeds.length,
    outputs: [...sums].map(([name, { sqnrDb, maxAbs, notFinite }]) => ({
      name,
      sqnrDb,
      maxAbs,
      notFinite,
    })),
    sameLabel: same.length > 0 ? same.reduce((a, b) => a + b, 0) / same.length : null,
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
