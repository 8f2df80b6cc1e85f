import { analyticSensitivity } from '../../analyze/analytic';
import { sqnrDb } from '../../numeric';
import { inferGraphs } from '../../onnx/shapes';
import type { JobContext } from '../context';
import { ENGINE_VERSION, keyOf } from '../keys';
import { partName } from '../../quantize/experiments';
import { modeOf } from '../modes';
import type { Plan } from '../plan';
import type { Subject } from '../subject';
import type { Calibrated } from './calibrate';
import { experimentUnits } from './layers';
import { experimentSettings, type Quantized } from './quantize';

/**
 * Output SQNR of every layer that could be quantized, were it the only one, as statistics and weights let expect; it does not
 * depend on what is kept, and is remembered; and by {@link partName} were its result only rounded. Null in modes without
 * ranges. @param shapes of the inputs
 */
export async function expectedStage(
  plan: Plan,
  subject: Subject,
  calibrated: Calibrated | null,
  quantized: Quantized,
  shapes: Readonly<Record<string, number[]>>,
  context: JobContext,
): Promise<Map<string, number> | null> {
  const { quantization, layers } = plan.recipe;
  if (!calibrated || modeOf(quantization.mode).experiments !== 'twin') return null;
  const ranges = layers.map((l) => [l.match, l.observer, l.weights, l.activations, l.precision]);
  const { activationType, headroom } = plan;
  const key = keyOf('expected-3', ENGINE_VERSION, subject.key, calibrated.key, quantization, [
    ...[activationType, headroom, plan.target, shapes, ranges],
  ]);
  return context.memory.get('expected', key, async () => {
    await context.meter.breathe();
    const graph = inferGraphs(subject.prepared, shapes).get(subject.prepared.graph);
    const found = analyticSensitivity(
      subject.prepared,
      experimentUnits(plan, subject, quantized).map((u) => u.unit),
      graph ?? new Map(),
      calibrated.statistics,
      experimentSettings(plan, subject, calibrated, quantized),
      quantization.improve.includes('bias-correction'),
    );
    return new Map(
      [...found].flatMap(([layer, { all, result }]) => [
        [layer, sqnrDb(1, all)],
        [partName(layer, 'result'), sqnrDb(1, result)],
      ]),
    );
  });
}
