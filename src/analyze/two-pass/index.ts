/**
 * What quantizing one layer alone costs at the outputs, from two passes over the samples: in one every layer runs beside its
 * quantized twin on exact inputs (the noise that it makes), in the other the whole quantized model runs (the noise that has
 * come together). The way from the noise made to the outputs is that of the analytic stage, put right by what was measured:
 * 1. The noise of a layer is as strong as the first pass found it, not as statistics let expect.
 * 2. It goes on as alike at neighbouring places as it was found to be, until a node sums over places.
 * 3. The outputs have the signal that they were measured to have, and layers without weights that give them (a Softmax, a pool)
 *    let through as much of the noise before them as they were measured to.
 * 4. What is left of the difference is the same factor for every layer with weights that noise passes: the one with which the
 *    noises of all layers add up to the noise that the second pass found at the outputs.
 */
import type { Model } from '../../onnx';
import type { TensorInfo } from '../../onnx/shapes';
import { partName, type ExperimentSettings } from '../../quantize/experiments';
import type { TensorStatistics } from '../../quantize/statistics';
import type { Unit } from '../../quantize/units';
import { activationNoise, isEstimated, resultNoise, weightErrors, weightNoise } from '../analytic';
import { size } from '../analytic/field';
import { carrying, fromOutputs, Gains, type Carrying, type Course } from '../analytic/gain';
import { Net } from '../analytic/net';
import { powersOf } from '../analytic/power';
import { outputFactors } from './at-outputs';
import { freshness } from './fresh';
import type { LayerPasses, OutputPower } from './passes';
import { solveFactor } from './solve';

/** A model and all that was measured of it. */
export interface TwoPassTask {
  prepared: Model;
  /** Shapes of the samples. */
  shapes: ReadonlyMap<string, TensorInfo>;
  statistics: ReadonlyMap<string, TensorStatistics>;
  /** As for experiments. */
  settings: ExperimentSettings;
  layers: readonly LayerPasses[];
  outputs: ReadonlyMap<string, OutputPower>;
}

/**
 * Estimates the noise-to-signal ratio at the outputs, the mean over them, of every layer whose noise was measured, were it the
 * only one in integers; beside it by {@link partName} that of the rounding of its result, where that is its own. Those that the
 * analytic stage cannot tell of are missing.
 */
export function twoPassSensitivity(task: TwoPassTask): Map<string, number> {
  const { prepared, layers, outputs, settings } = task;
  const net = new Net(prepared, task.shapes, task.statistics);
  const powerOf = powersOf(net);
  const carry = carrying(net, powerOf);
  const course = measuredCourse(net, fromOutputs(net, powerOf), outputs);
  const measured = layers.filter((l) => l.made !== null && isEstimated(l.unit));
  const own = measured.filter((l) => l.integer && l.ownResult);

  // 1. What each layer was expected to make, where it is made.
  const errorsOf = weightErrors(prepared, settings);
  const errors = new Map(measured.map(({ unit }) => [unit, unit.weight ? errorsOf(unit) : null]));
  const expected = (unit: Unit, gains: Gains): number => {
    const own = errors.get(unit);
    const weights = own ? weightNoise(net, powerOf, gains, unit, own) : 0;
    return activationNoise(net, powerOf, gains, unit, settings) + weights;
  };
  const corrections = new Map<Unit, number>();
  const plain = new Gains(carry, course);
  const fresh = freshness(carry, course, plain);
  for (const { unit, made } of measured) {
    const power = expected(unit, ownGains(carry, unit));
    const stronger = power > 0 ? made!.power / power : 1;
    corrections.set(unit, stronger * fresh(unit.output, made!));
  }

  // 2. What the way to the outputs does to it.
  const tail = outputFactors({ net, carry, layers, outputs });
  const weighted = new Set(measured.flatMap(({ unit }) => (unit.weight ? [unit.output] : [])));
  const count = Math.max(1, net.outputs.length);
  const noisesWith = (factor: number): Map<string, number> => {
    const factorOf = (tensor: string) => (weighted.has(tensor) ? factor : (tail.get(tensor) ?? 1));
    const gains = new Gains(carry, { ...course, factorOf });
    const noise = (unit: Unit) => (expected(unit, gains) * corrections.get(unit)!) / count;
    const noises = new Map(measured.map(({ unit }) => [unit.name, noise(unit)]));
    for (const { unit } of own)
      noises.set(
        partName(unit.name, 'result'),
        resultNoise(net, powerOf, gains, unit, settings) / count,
      );
    return noises;
  };

  // 3. All of it together is what was measured at the outputs; where layers are missing it cannot be told.
  const known = new Set(measured);
  const integer = layers.filter((l) => l.integer);
  const total = [...outputs.values()].reduce(
    (sum, { signal, noise }) => sum + (signal > 0 ? noise / signal / outputs.size : 0),
    0,
  );
  if (total === 0 || !integer.every((l) => known.has(l))) return noisesWith(1);
  const together = (noises: ReadonlyMap<string, number>) =>
    [...integer.map((l) => l.unit.name), ...own.map((l) => partName(l.unit.name, 'result'))].reduce(
      (sum, name) => sum + noises.get(name)!,
      0,
    );
  return solveFactor(noisesWith, together, total);
}

/** From the outputs, each normalised to the signal that it was measured to have. */
function measuredCourse(
  net: Net,
  course: Course,
  outputs: ReadonlyMap<string, OutputPower>,
): Course {
  const seeds = new Map(course.seeds);
  for (const [name, { signal }] of outputs)
    if (signal > 0) seeds.set(name, 1 / (signal * size(net.dims(name) ?? [1])));
  return { ...course, seeds };
}

/** Gains from the mean over a layer's output back through its own nodes. */
function ownGains(carry: Carrying, unit: Unit): Gains {
  const { net } = carry.known;
  const nodes = [unit.node, unit.biasNode, unit.activation].filter((node) => node !== null);
  const seeds = new Map([[unit.output, 1 / size(net.dims(unit.output) ?? [1])]]);
  return new Gains(carry, { seeds, nodes });
}
