/** What is summed of a layer's output over samples. */
import { floatsOf } from '../data';
import {
  ChannelCloseness,
  channelLayout,
  ClosenessAccumulator,
  dequantize,
  dequantizePerChannel,
  NeighbourCorrelation,
  NoiseMoments,
  type ChannelClosenessData,
  type ClosenessData,
  type NeighbourCorrelationData,
  type NoiseMomentsData,
  type QuantParams,
} from '../numeric';
import type { TensorValue } from '../onnx';
import { CHANNEL_AXIS } from '../quantize/channelwise';
import type { TensorParams } from '../quantize/parameters';
import type { WrittenCodes } from '../quantize/qdq';
import { channelAxisOf } from '../quantize/statistics';
import type { Closeness, NoiseShape } from '../results';

/** Local error of a layer, whole and per output channel. */
export interface LocalError {
  closeness: Closeness;
  /** Without a scale: it is read before the layer's output quantizer. */
  noise: NoiseShape;
  byChannel: number[] | null;
  /** The part of the noise that lies in every output channel; null where there are none, or too many. */
  noiseShares: number[] | null;
  /** Correlation of the noise at neighbouring places, −1 … 1; null where its axes are no places. */
  coherence: number | null;
}

/** How a layer's output fared in the quantized model. */
export interface AccumulatedError {
  closeness: Closeness;
  noise: NoiseShape;
  dims: number[];
  /** Power of what rounding and clipping take from its exact output; 0 where that is read in float. */
  rounding: number;
  /** Null where the output has no quantizer of its own. */
  clipRate: number | null;
  utilisation: number | null;
}

/** The three numbers of a finished accumulator. */
export function closenessOf(accumulator: ClosenessAccumulator): Closeness {
  return {
    sqnrDb: accumulator.sqnrDb,
    cosine: accumulator.cosine,
    maxAbs: accumulator.maxAbs,
  };
}

function shapeOf({ rmse, rmsePerScale, mean, skew, kurtosis }: NoiseMoments): NoiseShape {
  return { rmse, rmsePerScale, mean, skew, kurtosis };
}

/** Of more channels no sums are kept one by one. */
const MOST_CHANNELS = 4096;

/** {@link TwinSum} as plain data. */
export interface TwinSumData {
  closeness: ClosenessData;
  noise: NoiseMomentsData;
  channels: ChannelClosenessData | null;
  neighbours: NeighbourCorrelationData;
}

/** Sums of a layer beside its quantized twin. */
export class TwinSum {
  private constructor(
    private readonly closeness: ClosenessAccumulator,
    private readonly noise: NoiseMoments,
    private readonly channels: ChannelCloseness | null,
    private readonly neighbours = new NeighbourCorrelation(),
  ) {}

  /** @param dims shape of the layer's output in the first sample, which decides whether channels are told apart */
  static of(dims: readonly number[]): TwinSum {
    const axis = channelAxisOf(dims);
    const channels = axis === null || dims[axis]! > MOST_CHANNELS ? null : axis;
    return new TwinSum(
      new ClosenessAccumulator(),
      new NoiseMoments(),
      channels === null ? null : new ChannelCloseness(channels),
    );
  }

  /** Adds a sample of shape `dims`. */
  add(exact: Float32Array, local: Float32Array, dims: readonly number[]): void {
    this.closeness.add(exact, local);
    this.noise.add(exact, local);
    const { channels } = this;
    if (channels && (channels.channels === 0 || channels.channels === dims[channels.axis]))
      channels.add(exact, local, dims);
    if (NeighbourCorrelation.fits(dims)) this.neighbours.add(exact, local, dims);
  }

  result(): LocalError {
    return {
      closeness: closenessOf(this.closeness),
      noise: shapeOf(this.noise),
      byChannel: this.channels?.sqnrDb() ?? null,
      noiseShares: this.channels?.noiseShares() ?? null,
      coherence: this.neighbours.value,
    };
  }

  toData(): TwinSumData {
    return {
      closeness: this.closeness.toData(),
      noise: this.noise.toData(),
      channels: this.channels?.toData() ?? null,
      neighbours: this.neighbours.toData(),
    };
  }

  static fromData({ closeness, noise, channels, neighbours }: TwinSumData): TwinSum {
    return new TwinSum(
      ClosenessAccumulator.fromData(closeness),
      NoiseMoments.fromData(noise),
      channels && ChannelCloseness.fromData(channels),
      NeighbourCorrelation.fromData(neighbours),
    );
  }
}

/** How codes are read: scale and zero point, of every channel where they have their own. */
export type ReadCodes = Pick<WrittenCodes, 'params' | 'channels'>;

/** {@link LayerSum} as plain data. */
export interface LayerSumData {
  closeness: ClosenessData;
  noise: NoiseMomentsData;
  /** 1 for every code that was seen, from the lowest one on. */
  used: Uint8Array;
  outside: number;
  /** Squares of what the codes take from exact values. */
  rounding: number;
  count: number;
  dims: number[];
}

/** Sums of a layer's output in the quantized model. */
export class LayerSum {
  private closeness = new ClosenessAccumulator();
  private noise = new NoiseMoments();
  private used = new Uint8Array(256);
  private outside = 0;
  private rounding = 0;
  private count = 0;
  private dims: number[] = [];

  constructor(private readonly codes: ReadCodes | null) {}

  add(exact: Float32Array, value: TensorValue): void {
    this.dims = [...value.dims];
    const { data } = value;
    const floats = floatsOf(value);
    if (floats) {
      this.closeness.add(exact, floats);
      this.noise.add(exact, floats);
      return;
    }
    if (!this.codes || !(data instanceof Uint8Array || data instanceof Int8Array)) return;
    const reference = asRead(exact, this.codes.params);
    const offset = data instanceof Int8Array ? 128 : 0;
    for (let i = 0; i < data.length; i++) this.used[data[i]! + offset] = 1;
    this.count += reference.length;
    const { params, channels } = this.codes;
    if (!channels) {
      this.closeness.addCodes(reference, data, params.scale, params.zeroPoint);
      this.noise.add(reference, dequantize(data, params), params.scale);
      this.roundExact(reference, params, offset);
      return;
    }
    const back = dequantizePerChannel(data, value.dims, CHANNEL_AXIS, channels);
    this.closeness.add(reference, back);
    const { outer, channels: count, inner } = channelLayout(value.dims, CHANNEL_AXIS);
    for (let run = 0; run < outer * count; run++) {
      const values = reference.subarray(run * inner, (run + 1) * inner);
      const own = channels[run % count]!;
      this.noise.add(values, back.subarray(run * inner, (run + 1) * inner), own.scale);
      this.roundExact(values, own, offset);
    }
  }

  /** What rounding and clipping take from exact values. Half a step beyond the outermost codes still rounds to them. */
  private roundExact(values: Float32Array, { scale, zeroPoint }: QuantParams, offset: number) {
    const [low, high] = [-offset - zeroPoint, 255 - offset - zeroPoint];
    let squares = 0;
    for (let i = 0; i < values.length; i++) {
      const steps = values[i]! / scale;
      if (steps < low - 0.5 || steps > high + 0.5) this.outside++;
      squares += (steps - Math.min(high, Math.max(low, Math.round(steps)))) ** 2;
    }
    this.rounding += squares * scale * scale;
  }

  result(): AccumulatedError {
    const counted = this.count > 0;
    return {
      closeness: closenessOf(this.closeness),
      noise: shapeOf(this.noise),
      dims: this.dims,
      rounding: counted ? this.rounding / this.count : 0,
      clipRate: counted ? this.outside / this.count : null,
      utilisation: counted ? this.used.reduce((sum, used) => sum + used, 0) / 256 : null,
    };
  }

  toData(): LayerSumData {
    const { closeness, noise, used, outside, rounding, count, dims } = this;
    const sums = { closeness: closeness.toData(), noise: noise.toData() };
    return { ...sums, used, outside, rounding, count, dims };
  }

  static fromData({ closeness, noise, ...rest }: LayerSumData, codes: ReadCodes | null): LayerSum {
    return Object.assign(new LayerSum(codes), rest, {
      closeness: ClosenessAccumulator.fromData(closeness),
      noise: NoiseMoments.fromData(noise),
    });
  }
}

/** Values as far as the readers of a tensor tell them apart: what all of them take for the same is no error. */
function asRead(exact: Float32Array, { read }: TensorParams): Float32Array {
  return read ? exact.map((x) => Math.min(Math.max(x, read.min), read.max)) : exact;
}
