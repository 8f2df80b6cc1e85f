import { floatData, GraphIndex, intAttribute, makeTensor, tensorDims, type Model } from '../onnx';
import { codeRange, type QuantParams } from '../numeric';
import type { Statistics } from './calibrate';
import { impliedByRange } from './implied';
import type { ParamsOf } from './parameters';
import type { Placement } from './placement';
import type { TensorStatistics } from './statistics';
import type { Unit } from './units';

/** Of a tensor by channel (axis 1): its scale as a share of the tensor's, the largest 1. */
export type Ratios = Float32Array;

/** Tensors whose channels are quantized in scales of their own, which the weights of what reads them take back. */
export type Balances = ReadonlyMap<string, Ratios>;

/** Values of a channel that calibration must have seen for its extremes to hold for the next sample, too. */
const ENOUGH_VALUES = 1 << 16;
/** Of fewer values of a channel the extremes say less: scales follow them by the root of the share of these that were seen. */
const FEWEST_VALUES = 1 << 12;
/** How far scales of channels follow their ranges, as a power of their share of the tensor's. */
const POWERS = [0.5, 0.75, 1];
/** A channel's scale is at least the tensor's over this. */
const NARROWEST = 64;
/** What balancing must leave of the error at the layers that read the tensor: 1 dB less. */
const WORTH = 10 ** -0.1;
const LARGEST_CODE = 127;

export interface BalanceSettings {
  /** Values of a channel from which on its scale follows its extremes in full; for tests. */
  fewest?: number;
  /** Told of a tensor that balancing would gain 1 dB more at, had it been calibrated on so many samples. */
  tooFew?: (tensor: string, samples: number) => void;
  statistics: Statistics;
  paramsOf: ParamsOf;
  /** Tensors whose ranges are given, not measured. */
  given: (tensor: string) => boolean;
  /** Integer type of activations. */
  type: 'uint8' | 'int8';
}

/**
 * Balances the channels of tensors that convolutions read (cross-layer equalization, Nagel et al. 2019, *Data-Free
 * Quantization*, §4.1, at the quantizer instead of in the FP32 model): channel `i` is rounded in steps of `s·r_i`, and the
 * weights that read it become `w·r_i`. The product is the same in exact arithmetic, whatever made the tensor, and costs
 * nothing: an integer kernel writes such codes from scaled weights, a QuantizeLinear from a scale for every channel.
 *
 * 1. Candidates are tensors with a scale of their own that only integer convolutions read as codes, made by one or in
 *    float.
 * 2. `r_i` is the share of the tensor's range that calibration saw of the channel, to the power ½ (SmoothQuant's α, Xiao et
 *    al. 2023, eq. 4): what it has not seen yet has room. With many values of each channel ¾ and 1 are tried, too; of few the
 *    power falls towards 0, by the root of how many were seen.
 * 3. Kept where the expected error of the layers that read it, of rounding the tensor and of rounding their weights, falls
 *    by 1 dB.
 */
export function balances(
  prepared: Model,
  placement: Placement,
  { statistics, paramsOf, given, type, fewest = FEWEST_VALUES, tooFew }: BalanceSettings,
): Map<string, Ratios> {
  const found = new Map<string, Ratios>();
  if (placement.reads) return found;
  const index = new GraphIndex(prepared.graph);
  for (const [tensor, readers] of candidates(index, placement, paramsOf, type)) {
    const seen = statistics.get(tensor);
    if (!seen || given(tensor)) continue;
    const params = paramsOf(tensor);
    const shares = channelShares(seen, params, type);
    if (!shares) continue;
    const weights = readers.map((unit) => readWeights(prepared, index, unit));
    const values = seen.dims.slice(2).reduce((a, b) => a * b, seen.samples * (seen.dims[0] ?? 1));
    const known = Math.min(1, Math.sqrt(values / fewest));
    const most = values < ENOUGH_VALUES ? POWERS[0]! : 1;
    const errorOf = (ratios: Ratios | null) => expectedError(shares, ratios, weights, params, seen);
    let best = errorOf(null) * WORTH;
    for (const power of POWERS.filter((p) => p <= most)) {
      const ratios = ratiosOf(shares, power * known);
      const error = errorOf(ratios);
      if (!(error < best)) continue;
      best = error;
      found.set(tensor, ratios);
    }
    const reached = found.has(tensor) ? best * WORTH : best;
    if (known < 1 && errorOf(ratiosOf(shares, most)) < reached)
      tooFew?.(tensor, Math.ceil((seen.samples * fewest) / values));
  }
  return found;
}

/** Tensors that can be balanced, with the layers that read their codes. */
function candidates(
  index: GraphIndex,
  placement: Placement,
  paramsOf: ParamsOf,
  type: 'uint8' | 'int8',
): Map<string, Unit[]> {
  const readers = new Map<string, Unit[]>();
  const shared = new Set([...placement.passthrough, ...placement.joining].flatMap((n) => n.input));
  const producers = new Map<string, Unit>();
  for (const { unit, integer } of placement.units) {
    if (!integer) continue;
    producers.set(unit.output, unit);
    const convolution = isConvolution(unit);
    for (const [i, input] of unit.inputs.entries()) {
      if (!convolution || i > 0) shared.add(input);
      else readers.set(input, [...(readers.get(input) ?? []), unit]);
    }
  }
  for (const [tensor, units] of readers) {
    const alone = placement.quantized.get(tensor) === tensor && !shared.has(tensor);
    const nodes = new Set(units.map((unit) => unit.node));
    const producer = producers.get(tensor);
    const written = placement.shipped.has(tensor)
      ? producer !== undefined &&
        isConvolution(producer) &&
        // an activation must be what the quantizer's range does, in every channel
        (!producer.activation ||
          impliedByRange(index, producer.activation, paramsOf(tensor), type)) &&
        !index.isGraphOutput(tensor) &&
        index.consumers(tensor).every((node) => nodes.has(node))
      : true;
    if (!alone || !written) readers.delete(tensor);
  }
  return readers;
}

const isConvolution = ({ op, weight }: Unit) => op === 'Conv' && weight?.axis === 0;

/** The share of the range that each channel needs; null where channels are not known. */
function channelShares(
  { channels, dims }: TensorStatistics,
  { scale, zeroPoint }: QuantParams,
  type: 'uint8' | 'int8',
): Float64Array | null {
  if (!channels || dims.length < 4 || channels.min.length < 2) return null;
  const codes = codeRange(type);
  const [low, high] = [(zeroPoint - codes.min) * scale, (codes.max - zeroPoint) * scale];
  const share = (value: number, end: number) =>
    value > 0 && end > 0 ? Math.min(1, value / end) : 0;
  return Float64Array.from(channels.min, (min, c) =>
    Math.max(share(-min, low), share(channels.max[c]!, high)),
  );
}

/** A channel in which nothing was seen keeps the scale of the tensor: it may hold anything. */
function ratiosOf(shares: Float64Array, power: number): Ratios {
  const ratios = shares.map((s) => (s === 0 ? 1 : Math.max(s ** power, 1 / NARROWEST)));
  const largest = ratios.reduce((a, b) => Math.max(a, b), 0);
  return Float32Array.from(ratios, (r) => r / largest);
}

/** A layer's weight with the input channel of every value. */
interface ReadWeights {
  values: Float32Array;
  outputs: number;
  channelOf: (position: number) => number;
}

function readWeights(prepared: Model, index: GraphIndex, unit: Unit): ReadWeights {
  const tensor = index.initializer(unit.weight!.tensor)!;
  const dims = tensorDims(tensor);
  const group = intAttribute(unit.node, 'group', 1);
  return {
    values: floatData(tensor, prepared.dir),
    outputs: dims[0]!,
    channelOf: inputChannel(dims, group),
  };
}

/** The input channel of the value at a position of a convolution's weight [outputs, inputs / group, …]. */
function inputChannel(dims: readonly number[], group: number): (position: number) => number {
  const [outputs = 1, inputs = 1, ...kernel] = dims;
  const inner = kernel.reduce((a, b) => a * b, 1);
  const perGroup = outputs / group;
  return (position) => {
    const row = Math.floor(position / inner);
    const output = Math.floor(row / inputs);
    return Math.floor(output / perGroup) * inputs + (row % inputs);
  };
}

/**
 * Expected squared error of what the layers give for one place, all outputs together: rounding the tensor and rounding
 * weights (one scale for every output), each uniform within a step. The power of a channel is taken to go with the square of
 * its range.
 */
function expectedError(
  shares: Float64Array,
  ratios: Ratios | null,
  weights: readonly ReadWeights[],
  { scale }: QuantParams,
  { moments }: TensorStatistics,
): number {
  const mean = shares.reduce((sum, s) => sum + s * s, 0) / shares.length;
  const power = moments.power / moments.count;
  const of = (c: number) => ratios?.[c] ?? 1;
  let error = 0;
  for (const { values, outputs, channelOf } of weights) {
    const size = values.length / outputs;
    for (let o = 0; o < outputs; o++) {
      let [largest, rounded, read] = [0, 0, 0];
      for (let i = o * size; i < (o + 1) * size; i++) {
        const c = channelOf(i);
        const r = of(c);
        const w = values[i]! * r;
        largest = Math.max(largest, Math.abs(w));
        rounded += (w * scale) ** 2;
        read += (power * shares[c]! ** 2) / mean / r ** 2;
      }
      error += (rounded + read * (largest / LARGEST_CODE) ** 2) / 12;
    }
  }
  return error;
}

/** Adds the weight of a layer in the units of its balanced input, and returns its name. */
export function balancedWeight(
  model: Model,
  index: GraphIndex,
  unit: Unit,
  ratios: Ratios,
): string {
  const { tensor } = unit.weight!;
  const proto = index.initializer(tensor)!;
  const dims = tensorDims(proto);
  const channelOf = inputChannel(dims, intAttribute(unit.node, 'group', 1));
  const values = floatData(proto, model.dir).map((w, i) => w * ratios[channelOf(i)]!);
  const name = index.freshName(`${tensor}_balanced`);
  return index.addInitializer(model.parked(makeTensor(name, 'float32', dims, values)));
}

/** Takes the units of a balanced input out of a layer's weight again, in place. */
export function unbalance(
  values: Float32Array,
  dims: readonly number[],
  unit: Unit,
  ratios: Ratios,
): Float32Array {
  const channelOf = inputChannel(dims, intAttribute(unit.node, 'group', 1));
  for (let i = 0; i < values.length; i++) values[i] = values[i]! / ratios[channelOf(i)]!;
  return values;
}

/** Parameters of every channel of a balanced tensor. */
export function balancedParams(ratios: Ratios, { scale, zeroPoint }: QuantParams): QuantParams[] {
  return Array.from(ratios, (r) => ({ scale: Math.fround(scale * r), zeroPoint }));
}
