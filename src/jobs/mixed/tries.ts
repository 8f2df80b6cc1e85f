/** Plans that are run: the recipe with some layers taken out of INT8, quantized and compared with FP32 at the outputs. */
import { planName } from '../../analyze/plan-search';
import { OutputSums, type OutputSumsData } from '../../analyze/output-sums';
import { wholeSums, type WholeSumsState } from '../../analyze/sensitivity';
import { serializeModel } from '../../onnx';
import type { PlannedLayer } from '../../results-mixed';
import { WalkMemory } from '../../quantize/walk-memory';
import { runtimeVersion } from '../../runtime/session';
import type { JobContext } from '../context';
import { ENGINE_VERSION, keyOf } from '../keys';
import { Meter } from '../meter';
import type { Plan } from '../plan';
import type { Quantized } from '../stages/quantize';
import { writeStage } from '../stages/write';
import type { Study } from '../study';
import { Unfinished } from '../unfinished';

/** States of bias correction that are held for the plans to come, in bytes. */
const WALKS_BYTES = 128 << 20;

/** What a plan gave when it was run. */
export interface Try {
  sums: OutputSums;
  bytes: number;
}

/** The same recipe with these layers taken out of INT8. */
export function withChoices(plan: Plan, choices: readonly PlannedLayer[]): Plan {
  const { recipe } = plan;
  const kept = choices.filter((c) => c.precision === 'float32').map((c) => c.layer);
  const wide = choices.filter((c) => c.precision === 'int16').map((c) => c.layer);
  return {
    ...plan,
    recipe: {
      ...recipe,
      keepFp32: [...recipe.keepFp32, ...kept],
      layers: [...recipe.layers, ...wide.map((match) => ({ match, precision: 'int16' as const }))],
    },
  };
}

/** Plans that were run, remembered beside the recipe by all that they depend on. */
export async function openTries(study: Study) {
  const { plan, subject, calibrated, samples, quantized, layerSamples, exact, context } = study;
  const key = keyOf(
    'tries',
    ENGINE_VERSION,
    runtimeVersion(),
    subject.key,
    calibrated?.key ?? null,
    study.evaluation.key,
    plan.target,
    plan.activationType,
    plan.headroom,
    [plan.recipe.quantization, plan.recipe.keepFp32, plan.recipe.layers],
    layerSamples.positions,
  );
  type Stored = [string, OutputSumsData, number][];
  const stored = (await context.store.read<Stored>(`tries.${key}`)) ?? [];
  const known = new Map(
    stored.map(([name, data, bytes]): [string, Try] => [
      name,
      { sums: OutputSums.fromData(data), bytes },
    ]),
  );
  const save = async () => {
    const all = [...known].map(([n, t]): Stored[number] => [n, t.sums.toData(), t.bytes]);
    await context.store.write(`tries.${key}`, all);
  };
  const measure = async ({ model }: Quantized, name: string): Promise<Try> => {
    const part = await Unfinished.open<WholeSumsState>(context.store, 'tries', keyOf(key, name));
    const sums = await wholeSums(model, layerSamples.feeds, exact, part);
    const tried = { sums, bytes: serializeModel(model).length };
    known.set(name, tried);
    await save();
    await part.finish();
    return tried;
  };
  const steps = { ...quiet(context), walks: new WalkMemory(WALKS_BYTES) };
  const measureOther = async (choices: readonly PlannedLayer[]): Promise<Try> => {
    const made = await writeStage(
      withChoices(plan, choices),
      subject,
      samples.calibration,
      calibrated,
      steps,
      new Set(choices.filter((c) => c.precision === 'float32').map((c) => c.layer)),
    );
    return measure(made, planName(choices)).finally(() => made.release());
  };
  const run = async (choices: readonly PlannedLayer[]): Promise<Try> => {
    const name = planName(choices);
    const before = known.get(name);
    if (before) return before;
    return choices.length === 0 ? measure(quantized, name) : measureOther(choices);
  };
  return { run };
}

/** The same context for steps within a step: their progress is no one's. */
function quiet(context: JobContext): JobContext {
  return { ...context, meter: new Meter(() => undefined) };
}
