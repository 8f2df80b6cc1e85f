import type { AccumulatedError, LocalError } from '../../analyze/layer-errors';
import type { ExactOutputs, OutputSums } from '../../analyze/output-sums';
import { noiseCameIn, type Arrived } from '../../analyze/two-pass/came-in';
import { twoPassSensitivity } from '../../analyze/two-pass';
import type { OutputPower } from '../../analyze/two-pass/passes';
import { sqnrDb } from '../../numeric';
import { GraphIndex } from '../../onnx';
import { inferGraphs } from '../../onnx/shapes';
import type { NoiseCameIn } from '../../results';
import type { JobContext } from '../context';
import { modeOf } from '../modes';
import type { Plan } from '../plan';
import type { Subject } from '../subject';
import type { Calibrated } from './calibrate';
import { resultsOf } from './layers';
import { experimentSettings, type Quantized } from './quantize';

/** What the two passes over the samples of the layer analysis gave. */
export interface Passes {
  local: ReadonlyMap<string, LocalError>;
  accumulated: ReadonlyMap<string, AccumulatedError>;
  /** The quantized model's outputs against {@link exact} ones. */
  whole: OutputSums;
  exact: ExactOutputs;
}

/** A recipe's model as the passes ran it. */
export interface TwoPassInput {
  plan: Plan;
  subject: Subject;
  calibrated: Calibrated | null;
  quantized: Quantized;
  /** Shapes of the inputs. */
  shapes: Readonly<Record<string, number[]>>;
  context: JobContext;
}

/** What two passes tell of the layers, by name. */
export interface TwoPass {
  /**
   * Output SQNR were only this layer quantized, in dB, and by `partName` were its result only, where that is its own; null in modes
   * without ranges.
   */
  db: Map<string, number> | null;
  cameIn: Map<string, NoiseCameIn>;
}

/** Estimates what each layer costs at the outputs, from the noise that it makes and the noise that came together. */
export async function twoPassStage(input: TwoPassInput, passes: Passes): Promise<TwoPass> {
  await input.context.meter.breathe();
  const arrived = arrivedAt(input, passes);
  const cameIn = noiseCameIn(new GraphIndex(input.subject.prepared.graph), arrived);
  return { db: estimates(input, passes, arrived), cameIn };
}

function estimates(
  { plan, subject, calibrated, quantized, shapes }: TwoPassInput,
  { local, whole, exact }: Passes,
  arrived: readonly Arrived[],
): Map<string, number> | null {
  const twins = modeOf(plan.recipe.quantization.mode).experiments === 'twin';
  if (!calibrated || !twins) return null;
  const { prepared, units } = subject;
  const noiseAt = new Map(arrived.map(({ name, noise }) => [name, noise]));
  const integer = integerLayers(quantized);
  const ownResult = resultsOf(quantized);
  const found = twoPassSensitivity({
    prepared,
    shapes: inferGraphs(prepared, shapes).get(prepared.graph) ?? new Map(),
    statistics: calibrated.statistics,
    settings: experimentSettings(plan, subject, calibrated, quantized),
    outputs: powersAt(whole, exact),
    layers: units.map((unit) => {
      const own = local.get(unit.name);
      return {
        unit,
        integer: integer.has(unit.name),
        ownResult: ownResult.has(unit.name),
        made: own
          ? { power: own.noise.rmse ** 2, shares: own.noiseShares, coherence: own.coherence }
          : null,
        arrived: noiseAt.get(unit.name) ?? null,
      };
    }),
  });
  return new Map([...found].map(([layer, noise]) => [layer, sqnrDb(1, noise)]));
}

/** What was measured at the outputs of layers, without the rounding of those outputs themselves. */
function arrivedAt(
  { subject, quantized }: TwoPassInput,
  { local, accumulated }: Passes,
): Arrived[] {
  const integer = integerLayers(quantized);
  return subject.units.flatMap((unit): Arrived[] => {
    const found = accumulated.get(unit.name);
    if (!found || unit.body) return [];
    const noise = found.noise.rmse ** 2;
    const own = local.get(unit.name);
    const made = own ? own.noise.rmse ** 2 : null;
    return [
      {
        name: unit.name,
        output: unit.output,
        values: found.dims.reduce((a, b) => a * b, 1),
        signal: noise * 10 ** (found.closeness.sqnrDb / 10),
        noise: Math.max(0, noise - found.rounding),
        made: integer.has(unit.name) ? made : 0,
      },
    ];
  });
}

function integerLayers({ units }: Quantized): Set<string> {
  return new Set(units.filter((u) => u.integer).map((u) => u.unit.name));
}

/** Means over the values of every output and all samples. */
function powersAt(whole: OutputSums, exact: ExactOutputs): Map<string, OutputPower> {
  const counts = new Map<string, number>();
  for (const outputs of exact)
    for (const [name, { length }] of Object.entries(outputs))
      counts.set(name, (counts.get(name) ?? 0) + length);
  return new Map(
    whole.toData().outputs.map(([name, { signal, noise }]) => {
      const count = counts.get(name) ?? 1;
      return [name, { signal: signal / count, noise: noise / count }];
    }),
  );
}
