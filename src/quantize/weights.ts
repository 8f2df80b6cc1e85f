import {
  convWeights,
  isDepthwise,
  largestOfRow,
  matrixWeights,
  pairLoad,
} from './pair-sums/weights';
import {
  floatData,
  makeTensor,
  tensorData,
  tensorDims,
  tensorType,
  type GraphIndex,
  type Model,
  type NodeProto,
} from '../onnx';
import { halveScales } from './fixed/halve-scales';
import { zeroPointTensor } from './parameters';
import {
  channelRange,
  chooseParams,
  dequantize,
  dequantizePerChannel,
  powerOfTwo,
  quantizeArray,
  quantizePerChannel,
  roundHalfEven,
  type QuantParams,
} from '../numeric';

/** Initializer names of a quantized constant. */
export interface QuantizedConstant {
  codes: string;
  scale: string;
  zeroPoint: string;
  /** Axis of the scale, or null for one scale. */
  axis: number | null;
  scales: Float32Array;
}

/** Largest int32 that a bias code may have; half the range, so that the accumulator keeps room. */
const BIAS_LIMIT = 2 ** 30;
/** Where a channel has no weights, its scale is chosen so that the bias gets this many codes. */
const BIAS_CODES = 2 ** 20;

/** How a weight is quantized. */
export interface WeightSettings {
  /** `channel`: one scale per output channel; `tensor`: one in all. */
  granularity: 'channel' | 'tensor';
  bits: number;
  /**
   * Widens the scale of channels in which a pair could clip in the 16-bit sums of x86 processors without VNNI, just as
   * far as needed; depthwise kernels multiply in more bits and stay as they are.
   */
  headroom?: Headroom;
  /** Leaves the bias in float, for runtimes that take no int32 one. */
  floatBias?: boolean;
  /** Scales are powers of two. */
  powerOfTwo?: boolean;
}

/** Why the inputs of a node that hold its weights cannot be quantized, or null. */
export function whyNotWeights(
  index: GraphIndex,
  node: NodeProto,
  slots: readonly number[],
): string | null {
  for (const slot of slots) {
    const tensor = index.initializer(node.input[slot] ?? '');
    if (!tensor) return 'its weights are computed, not constants';
    const type = tensorType(tensor);
    if (type !== 'float32') return `its weights are ${type}, not float32`;
  }
  return null;
}

/** Largest codes of a layer's input by channel, or null where all of them can be 255. */
export interface Headroom {
  largest: ArrayLike<number> | null;
}

/**
 * Quantizes constants of one model and remembers what it wrote: a shared weight is written once.
 * Weights are symmetric int8 (−127…127, DESIGN §4.2); where a bias would overflow int32, or a channel has no
 * weights at all, the weight scale is widened.
 */
export class ConstantWriter {
  private readonly written = new Map<string, QuantizedConstant>();

  constructor(
    private readonly model: Model,
    private readonly index: GraphIndex,
  ) {}

  /**
   * Scales of a weight, one per output channel (or one). @param inputScale scale of the layer's input, and
   * @param bias its float bias, if it has one: both widen the scale where needed; @param group of a convolution
   */
  scales(
    tensor: string,
    axis: number | null,
    settings: WeightSettings,
    inputScale: number | null,
    bias: Float32Array | null,
    group = 1,
  ): Float32Array {
    const proto = this.index.initializer(tensor)!;
    const values = floatData(proto, this.model.dir);
    return weightScales(values, tensorDims(proto), axis, settings, inputScale, bias, group);
  }

  /** Writes int8 codes, scales and zero points of a weight. */
  weight(
    tensor: string,
    axis: number | null,
    settings: WeightSettings,
    scales: Float32Array,
  ): QuantizedConstant {
    const perChannel = axis !== null && settings.granularity === 'channel';
    const key = `${tensor}|${perChannel ? axis : '-'}|${settings.bits}|${scales.join(',')}`;
    const known = this.written.get(key);
    if (known) return known;
    const proto = this.index.initializer(tensor)!;
    const dims = tensorDims(proto);
    const values = floatData(proto, this.model.dir);
    const params: QuantParams[] = Array.from(scales, (scale) => ({ scale, zeroPoint: 0 }));
    const options = { symmetric: true, bits: settings.bits };
    const flat = perChannel ? dims : [1, values.length];
    const codes = quantizePerChannel(values, flat, perChannel ? axis : 0, params, 'int8', options);
    const shape = perChannel ? [scales.length] : [];
    const constant: QuantizedConstant = {
      codes: this.add(`${tensor}_quantized`, 'int8', dims, codes),
      scale: this.add(`${tensor}_scale`, 'float32', shape, scales),
      zeroPoint: this.add(`${tensor}_zero_point`, 'int8', shape, new Int8Array(scales.length)),
      axis: perChannel ? axis : null,
      scales,
    };
    this.written.set(key, constant);
    return constant;
  }

  /** Writes a constant operand of an elementwise layer in the activations' type, with the range of its own values; `fixed`: around zero and with a power of two. */
  operand(tensor: string, type: 'uint8' | 'int8', fixed = false): QuantizedConstant {
    const key = `${tensor}|operand|${type}${fixed ? '|fixed' : ''}`;
    const known = this.written.get(key);
    if (known) return known;
    const proto = this.index.initializer(tensor)!;
    const values = floatData(proto, this.model.dir);
    const { min, max } = wholeRange(values);
    const chosen = chooseParams(min[0] ?? 0, max[0] ?? 0, type, { symmetric: fixed });
    const { zeroPoint } = chosen;
    const scale = fixed ? powerOfTwo(chosen.scale) : chosen.scale;
    const codes = quantizeArray(values, { scale, zeroPoint }, type);
    const scales = Float32Array.of(scale);
    const zero = this.index.freshName(`${tensor}_zero_point`);
    const constant: QuantizedConstant = {
      codes: this.index.addInitializer(
        makeTensor(this.index.freshName(`${tensor}_quantized`), type, tensorDims(proto), codes),
      ),
      scale: this.add(`${tensor}_scale`, 'float32', [], scales),
      zeroPoint: this.index.addInitializer(zeroPointTensor(zero, [], type, [zeroPoint])),
      axis: null,
      scales,
    };
    this.written.set(key, constant);
    return constant;
  }

  /** Writes a bias (or `values` in its place) as int32 with scale `inputScale · weightScale` and zero point 0 (DESIGN §4.2). */
  bias(
    tensor: string,
    inputScale: number,
    weightScales: Float32Array,
    values = floatData(this.index.initializer(tensor)!, this.model.dir),
  ): QuantizedConstant {
    const one = weightScales.length === 1;
    const scales = Float32Array.from(weightScales, (s) => inputScale * s);
    const codes = Int32Array.from(values, (b, c) =>
      Math.max(-BIAS_LIMIT, Math.min(BIAS_LIMIT, roundHalfEven(b / scales[one ? 0 : c]!))),
    );
    const shape = one ? [] : [scales.length];
    return {
      codes: this.add(`${tensor}_quantized`, 'int32', [values.length], codes),
      scale: this.add(`${tensor}_scale`, 'float32', shape, scales),
      zeroPoint: this.add(`${tensor}_zero_point`, 'int32', shape, new Int32Array(scales.length)),
      axis: one ? null : 0,
      scales,
    };
  }

  private add(
    base: string,
    type: 'int8' | 'int32' | 'float32',
    dims: readonly number[],
    data: Int8Array | Int32Array | Float32Array,
  ): string {
    const name = this.index.freshName(base);
    return this.index.addInitializer(this.model.parked(makeTensor(name, type, dims, data)));
  }
}

/** Scales of the values of a weight, as {@link ConstantWriter.scales} gives them. */
export function weightScales(
  values: Float32Array,
  dims: readonly number[],
  axis: number | null,
  settings: WeightSettings,
  inputScale: number | null = null,
  bias: Float32Array | null = null,
  group = 1,
): Float32Array {
  const top = 2 ** (settings.bits - 1) - 1;
  const perChannel = axis !== null && settings.granularity === 'channel';
  const { min, max } = perChannel ? channelRange(values, dims, axis) : wholeRange(values);
  const biasOf = (c: number) => Math.abs(perChannel ? (bias?.[c] ?? 0) : largestOf(bias));
  const leastFor = (b: number) => (inputScale ? b / (inputScale * BIAS_LIMIT) : 0);
  const scales = Float32Array.from(min, (low, c) => {
    const largest = Math.max(-low, max[c]!);
    let scale = Math.fround(largest / top);
    const b = biasOf(c);
    if (scale < 2 ** -120) scale = b > 0 && inputScale ? b / (inputScale * BIAS_CODES) : 1;
    scale = Math.max(scale, leastFor(b));
    return settings.powerOfTwo ? powerOfTwo(scale) : Math.fround(scale);
  });
  if (settings.powerOfTwo)
    halveScales(values, perChannel ? dims : [1, values.length], perChannel ? axis : 0, scales, {
      top,
      least: (c) => leastFor(biasOf(c)),
    });
  if (settings.headroom) giveHeadroom(values, dims, axis, scales, settings.headroom, group);
  return scales;
}

/** The values that a constant's codes stand for, as DequantizeLinear reads them. @param dir folder of data files */
export function readConstant(
  index: GraphIndex,
  dir: string | null,
  { codes, zeroPoint, axis, scales }: QuantizedConstant,
): Float32Array {
  const tensor = index.initializer(codes)!;
  // the operator turns codes into floats before it multiplies: an int32 one may lose digits there
  const values = new Float32Array(tensorData(tensor, dir) as ArrayLike<number>);
  const zeros = tensorData(index.initializer(zeroPoint)!, dir) as ArrayLike<number>;
  const params = Array.from(scales, (scale, c) => ({ scale, zeroPoint: zeros[c]! }));
  return axis === null
    ? dequantize(values, params[0]!)
    : dequantizePerChannel(values, tensorDims(tensor), axis, params);
}

function wholeRange(values: Float32Array): { min: Float64Array; max: Float64Array } {
  const { min, max } = channelRange(values, [1, values.length], 0);
  return { min: Float64Array.from(min), max: Float64Array.from(max) };
}

function largestOf(values: Float32Array | null): number {
  let largest = 0;
  for (const v of values ?? []) largest = Math.max(largest, Math.abs(v));
  return largest;
}

/** Rounding may bring a pair back over the limit; each further look finds less, two or three are usual. */
const LOOKS = 16;

/**
 * Grows scales (one per channel, or one) until no pair of weights can clip, in place. Does nothing for depthwise
 * convolutions and for weights of more axes whose channels are not the first one, which have no kernel that adds pairs.
 */
export function giveHeadroom(
  values: Float32Array,
  dims: readonly number[],
  axis: number | null,
  scales: Float32Array,
  { largest }: Headroom,
  group = 1,
): void {
  const conv = dims.length > 2 && axis === 0;
  if (conv ? isDepthwise(dims, group) : dims.length < 2 || (dims.length > 2 && axis !== null))
    return;
  const one = scales.length === 1;
  for (let look = 0; look < LOOKS; look++) {
    const params = (n: number): QuantParams[] =>
      Array.from({ length: n }, (_, c) => ({ scale: scales[one ? 0 : c]!, zeroPoint: 0 }));
    const options = { symmetric: true };
    const codes =
      axis === null || one
        ? quantizeArray(values, params(1)[0]!, 'int8', options)
        : quantizePerChannel(values, dims, axis, params(dims[axis]!), 'int8', options);
    let widest = 1;
    for (const [channel, load] of pairLoads(codes, dims, axis, largest, group)) {
      if (load <= 1) continue;
      widest = Math.max(widest, load);
      if (!one) scales[channel] = scales[channel]! * load * (1 + 2 ** -20);
    }
    if (widest === 1) return;
    if (one) scales[0] = scales[0]! * widest * (1 + 2 ** -20);
  }
}

/** The load of every channel's heaviest pair; of every matrix where a weight stacks several. */
function* pairLoads(
  codes: Int8Array,
  dims: readonly number[],
  axis: number | null,
  largest: ArrayLike<number> | null,
  group: number,
): Generator<[channel: number, load: number]> {
  if (dims.length > 2 && axis === 0) {
    const weights = convWeights(codes, dims);
    const perGroup = weights.channels / group;
    const rows = Array.from({ length: group }, (_, g) =>
      largestOfRow(largest, weights, dims[1]!, g),
    );
    for (let c = 0; c < weights.channels; c++)
      yield [c, pairLoad(weights, c, rows[Math.floor(c / perGroup)])];
    return;
  }
  const [a, b] = dims.slice(-2) as [number, number];
  const transposed = axis === 0;
  for (let from = 0; from < codes.length; from += a * b) {
    const matrix = codes.subarray(from, from + a * b);
    const weights = matrixWeights(matrix, transposed ? [b, a] : [a, b], transposed);
    const row = largestOfRow(largest, weights, transposed ? b : a, 0);
    for (let c = 0; c < weights.channels; c++) yield [c, pairLoad(weights, c, row)];
  }
}
