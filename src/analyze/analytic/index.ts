/**
 * What quantizing one layer alone costs at the outputs, from calibration statistics, weights and the graph: no inference.
 * Rounding is taken as white noise that linear layers add up by the squares of their weights, that an activation lets
 * through where it is not flat, and that a normalisation divides by the power of its input (the noise model of fixed-point
 * design: Widrow and Kollár, Quantization Noise, 2008). Behind products it is known how the gains of channels go together, as
 * rows of signs put through the transposed weights (a sketch of JᵀJ: Hutchinson, Commun. Stat. Simul. 18, 1989), since what
 * one product writes is what the next amplifies. It orders layers; its decibels are rough.
 */
import { binsOf, expectedSquaredError, type QuantParams } from '../../numeric';
import { floatData, GraphIndex, intAttribute, tensorData, type Model } from '../../onnx';
import type { TensorInfo } from '../../onnx/shapes';
import { CHANNEL_AXIS } from '../../quantize/channelwise';
import type { ExperimentSettings } from '../../quantize/experiments';
import { isPackedAttention } from '../../quantize/packed-attention';
import { isRecurrent } from '../../quantize/recurrent';
import type { TensorStatistics } from '../../quantize/statistics';
import type { Unit } from '../../quantize/units';
import { ConstantWriter } from '../../quantize/weights';
import { along, combine, even, mean, product, size, valuesAlong, type Field } from './field';
import { outputGains, steadyGains, type Gains } from './gain';
import { shiftsOf, squaresOf } from './kernels';
import { Net, type Power } from './net';
import { channelAxes, powersOf, type PowerOf } from './power';

/** Expected noise-to-signal ratios at the outputs, the mean over them, of a layer that alone is quantized. */
export interface AnalyticNoise {
  all: number;
  /** Of the rounding of its weights alone. */
  weights: number;
  /** Of the rounding of its inputs alone. */
  activations: number;
  /** Of the rounding of its result, which is no part of `all`: it is the layer's own where no layer reads the codes. */
  result: number;
}

/**
 * Estimates every layer. Recurrent layers, attention with packed weights and those inside If, Loop and Scan are missing from the answer.
 * @param shapes of the samples @param settings as for experiments
 * @param corrected whether the mean of each layer is brought back to FP32's
 */
export function analyticSensitivity(
  prepared: Model,
  units: readonly Unit[],
  shapes: ReadonlyMap<string, TensorInfo>,
  statistics: ReadonlyMap<string, TensorStatistics>,
  settings: ExperimentSettings,
  corrected: boolean,
): Map<string, AnalyticNoise> {
  const net = new Net(prepared, shapes, statistics);
  const powerOf = powersOf(net);
  const gains = outputGains(net, powerOf);
  const steady = corrected ? null : steadyGains(net, powerOf, gains);
  const errorsOf = weightErrors(prepared, settings);
  const outputs = Math.max(1, net.outputs.length);
  const found = new Map<string, AnalyticNoise>();
  for (const unit of units) {
    if (!isEstimated(unit)) continue;
    const activations = activationNoise(net, powerOf, gains, unit, settings) / outputs;
    const errors = unit.weight ? errorsOf(unit) : null;
    const weights = errors ? weightNoise(net, powerOf, gains, unit, errors, steady) / outputs : 0;
    const result = resultNoise(net, powerOf, gains, unit, settings) / outputs;
    found.set(unit.name, { all: activations + weights, weights, activations, result });
  }
  return found;
}

/** False for recurrent layers, attention with packed weights and those inside If, Loop and Scan. */
export function isEstimated(unit: Unit): boolean {
  return !unit.body && !isRecurrent(unit.node) && !isPackedAttention(unit.node);
}

/** Rounding of what the layer reads, through that layer alone: its power times the gains. */
export function activationNoise(
  net: Net,
  powerOf: PowerOf,
  gains: Gains,
  unit: Unit,
  settings: ExperimentSettings,
): number {
  const reads = new Set(settings.codesOf?.(unit) ?? unit.inputs);
  let sum = 0;
  for (const [slot, tensor] of unit.node.input.entries()) {
    const statistics = reads.has(tensor) ? net.statistics(tensor) : undefined;
    const gain = statistics && gains.through(unit.node, slot);
    if (!gain) continue;
    const noise = rounding(statistics, settings.paramsOf(tensor), settings, powerOf(tensor));
    sum += gains.total(tensor, product(noise, gain));
  }
  return sum;
}

/** Rounding of the layer's result, were no layer to read its codes: its power times the gains. */
export function resultNoise(
  net: Net,
  powerOf: PowerOf,
  gains: Gains,
  unit: Unit,
  settings: ExperimentSettings,
): number {
  const { output } = unit;
  const codes = settings.resultOf?.(unit);
  const statistics = net.statistics(output);
  if (!codes || !statistics) return 0;
  const squares = codes.channels?.map(({ scale }) => scale ** 2 / 12);
  const noise = squares
    ? along(CHANNEL_AXIS, squares)
    : rounding(statistics, codes.params, settings, powerOf(output));
  return gains.total(output, product(noise, gains.of(output)));
}

/** Power of what codes of one scale take from a tensor, by its histogram. */
function rounding(
  { histogram, moments }: TensorStatistics,
  params: QuantParams,
  { activationType }: ExperimentSettings,
  power: Power,
): Field {
  const squares = expectedSquaredError(binsOf(histogram), params, activationType);
  return byChannel(squares / moments.count, power);
}

/**
 * Zeros are exact: behind a Relu a channel has its part of the noise by how often it is not zero, and no more than its power.
 */
function byChannel(noise: number, { active, square }: Power): Field {
  const often = active ? mean(active) : 0;
  if (!active || often === 0) return even(noise);
  return combine(active, square, (a, power) => Math.min((noise * a) / often, power));
}

/**
 * Rounding errors of the weight, each times the power of the value that it multiplies, times the gains.
 * @param steady gains of shifts, where nothing takes them back: what errors make of the inputs' means is the same at all places,
 *   and no pool averages it out
 */
export function weightNoise(
  net: Net,
  powerOf: PowerOf,
  gains: Gains,
  { node, weight }: Unit,
  errors: Float32Array,
  steady: Gains | null = null,
): number {
  const [input, output] = [node.input[1 - weight!.slot] ?? '', node.output[0]!];
  const [from, to] = [net.dims(input), net.dims(output)];
  const kernel = net.constant(weight!.tensor);
  if (!from || !to || !kernel) return 0;
  const weights = { values: errors, dims: kernel.dims };
  const squares = squaresOf(node, weights);
  const x = powerOf(input);
  if (!squares) {
    // every result is a sum over the last axis but one
    const each = errors.reduce((sum, e) => sum + e * e, 0) / Math.max(1, errors.length);
    const inner = weight!.slot === 0 ? 1 : (kernel.dims.at(-2) ?? 1);
    const met = weight!.slot === 0 ? 1 : mean(x.square);
    return each * inner * met * gains.total(output, gains.of(output));
  }
  const [before, behind] = channelAxes(node, from, to);
  const places = size(to) / squares.outputs;
  const arrives = (powers: Float64Array, by: Gains): number => {
    const gain = valuesAlong(by.of(output), behind, squares.outputs);
    return places * powers.reduce((total, power, c) => total + power * gain[c]!, 0);
  };
  const power = valuesAlong(x.square, before, squares.inputs);
  const shifts = steady && shiftsOf(node, weights);
  if (!shifts) return arrives(squares.forward(power), gains);
  const means = valuesAlong(x.means ?? even(x.mean), before, squares.inputs);
  const about = power.map((p, c) => Math.max(0, p - means[c]! ** 2));
  const shifted = shifts.forward(means).map((shift) => shift ** 2);
  return arrives(squares.forward(about), gains) + arrives(shifted, steady);
}

/** What rounding takes from every weight of a layer, as it is written. */
export function weightErrors(
  prepared: Model,
  settings: ExperimentSettings,
): (unit: Unit) => Float32Array {
  const model = prepared.copy();
  const index = new GraphIndex(model.graph);
  const writer = new ConstantWriter(model, index);
  return (unit) => {
    const { tensor, axis } = unit.weight!;
    const own = settings.weightSettings(unit.name);
    const input = unit.inputs[0];
    const scale = input === undefined ? null : settings.paramsOf(input).scale;
    const bias = unit.bias ? floatData(index.initializer(unit.bias)!, model.dir) : null;
    const group = intAttribute(unit.node, 'group', 1);
    const scales = writer.scales(tensor, axis, own, scale, bias, group);
    const constant = writer.weight(tensor, axis, own, scales);
    const proto = index.initializer(tensor)!;
    const codes = tensorData(index.initializer(constant.codes)!) as Int8Array;
    const dims = proto.dims.map(Number);
    const inner = constant.axis === null ? codes.length : size(dims.slice(constant.axis + 1));
    const channels = constant.axis === null ? 1 : dims[constant.axis]!;
    const values = floatData(proto, model.dir);
    const errors = new Float32Array(values.length);
    for (let from = 0, run = 0; from < errors.length; from += inner, run++) {
      const own = scales[run % channels]!;
      for (let i = from; i < from + inner; i++) errors[i] = values[i]! - codes[i]! * own;
    }
    return errors;
  };
}
