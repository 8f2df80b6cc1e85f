import {
  FloatBitsHistogram,
  Moments,
  type HistogramData,
  sweep,
  type MomentsData,
} from '../numeric';
import type { TensorValue } from '../onnx';

/** Above this many channels their ranges are not kept. */
const MOST_CHANNELS = 8192;

/** {@link TensorStatistics} as plain data. */
export interface StatisticsData {
  tensor: string;
  samples: number;
  notFinite: number;
  dims: number[];
  histogram: HistogramData;
  moments: MomentsData;
  channels: { min: number[]; max: number[] } | null;
  /** Minimum and maximum of each sample in order, for observers that depend on it. */
  sampleMin: number[];
  sampleMax: number[];
}

/**
 * What calibration remembers of one tensor: exact extremes, moments, a histogram of fixed bins, extremes per
 * channel and per sample. Memory depends on channels and samples only through these few numbers.
 */
export class TensorStatistics {
  samples = 0;
  /** Samples that held a NaN or an infinity. */
  notFinite = 0;
  dims: number[] = [];
  readonly histogram: FloatBitsHistogram;
  readonly moments: Moments;
  channels: { min: Float32Array; max: Float32Array } | null = null;
  readonly sampleMin: number[] = [];
  readonly sampleMax: number[] = [];

  constructor(
    readonly tensor: string,
    histogram = new FloatBitsHistogram(),
    moments = new Moments(),
  ) {
    this.histogram = histogram;
    this.moments = moments;
  }

  /** Adds one sample's values. Tensors that are not float32 are ignored: they are never quantized. */
  add(value: TensorValue): void {
    if (!(value.data instanceof Float32Array)) return;
    const axis = this.channelAxis(value.dims);
    const { moments: fresh, channels } = sweep(
      value.data,
      value.dims,
      axis,
      this.channels ?? undefined,
    );
    this.channels = channels;
    this.samples++;
    if (fresh.nan + fresh.infinite > 0) this.notFinite++;
    this.dims = [...value.dims];
    this.histogram.addKnown(value.data, fresh.min, fresh.max);
    this.moments.merge(fresh);
    this.sampleMin.push(fresh.min);
    this.sampleMax.push(fresh.max);
  }

  get min(): number {
    return this.moments.min;
  }

  get max(): number {
    return this.moments.max;
  }

  toData(): StatisticsData {
    return {
      tensor: this.tensor,
      samples: this.samples,
      notFinite: this.notFinite,
      dims: this.dims,
      histogram: this.histogram.toData(),
      moments: this.moments.toData(),
      channels: this.channels && {
        min: Array.from(this.channels.min),
        max: Array.from(this.channels.max),
      },
      sampleMin: this.sampleMin,
      sampleMax: this.sampleMax,
    };
  }

  static fromData(data: StatisticsData): TensorStatistics {
    const statistics = new TensorStatistics(
      data.tensor,
      FloatBitsHistogram.fromData(data.histogram),
      Moments.fromData(data.moments),
    );
    statistics.samples = data.samples;
    statistics.notFinite = data.notFinite;
    statistics.dims = data.dims;
    statistics.channels = data.channels && {
      min: Float32Array.from(data.channels.min),
      max: Float32Array.from(data.channels.max),
    };
    statistics.sampleMin.push(...data.sampleMin);
    statistics.sampleMax.push(...data.sampleMax);
    return statistics;
  }

  /** The channel axis, as long as there are not too many channels and their number does not change. */
  private channelAxis(dims: readonly number[]): number | null {
    const axis = channelAxisOf(dims);
    if (axis === null || dims[axis]! > MOST_CHANNELS) return null;
    if (this.samples > 0 && this.channels?.min.length !== dims[axis]) return null;
    return axis;
  }
}

/** Axis whose slices people call channels: 1 for images, the last one for vectors and sequences. */
export function channelAxisOf(dims: readonly number[]): number | null {
  if (dims.length < 2) return null;
  return dims.length >= 4 ? 1 : dims.length - 1;
}
