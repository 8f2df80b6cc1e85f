import {
  channelRange,
  ExactMoments,
  FloatBitsHistogram,
  MOST_CHANNELS,
  sweep,
  type ExactMomentsData,
  type HistogramData,
  type SampleSums,
} from '../numeric';
import type { TensorValue } from '../onnx';

/** {@link TensorStatistics} as plain data that JSON keeps to the bit. */
export interface StatisticsData {
  tensor: string;
  samples: number;
  /** Positions of samples that held a NaN or an infinity, as runs. */
  notFiniteAt: number[];
  dims: number[];
  /** Null where only the extremes were asked for. */
  histogram: HistogramData | null;
  moments: ExactMomentsData | null;
  min: number | null;
  max: number | null;
  channels: { min: (number | null)[]; max: (number | null)[] } | null;
  /** False once samples had different numbers of channels. */
  sameChannels: boolean;
  /** Positions of the samples in the data, as runs: first and last of each. */
  positions: number[];
  /** Minimum and maximum of each sample, float32 in base64, in the order of the positions. */
  sampleMin: string;
  sampleMax: string;
}

/** What calibration asks of a tensor: everything, or minimum and maximum alone. */
export type Depth = 'full' | 'minmax';

/**
 * What calibration remembers of one tensor: exact extremes, moments, a histogram of fixed bins, extremes per channel and
 * per sample. Memory depends on channels and samples only through these few numbers. Statistics of any parts of the
 * data {@link merge} to exactly those of the whole, bit for bit and in any order.
 */
export class TensorStatistics {
  samples = 0;
  /** Positions in the data of samples that held a NaN or an infinity, ascending within each part. */
  readonly notFiniteAt: number[] = [];
  /** Shape of the largest sample. */
  dims: number[] = [];
  channels: { min: Float32Array; max: Float32Array } | null = null;
  /** Position in the data of every sample, ascending within each part. */
  readonly positions: number[] = [];
  /** Minimum and maximum of each sample, in the same order. */
  readonly sampleMin: number[] = [];
  readonly sampleMax: number[] = [];
  private sameChannels = true;

  constructor(
    readonly tensor: string,
    /** Where it is `minmax`, the histogram and all of the moments but the extremes stay empty. */
    readonly depth: Depth = 'full',
    readonly histogram = new FloatBitsHistogram(),
    readonly moments = new ExactMoments(),
  ) {}

  /**
   * Adds one sample's values. Tensors that are not float32 are ignored: they are never quantized.
   * @param position of the sample in the data; the next one by default
   */
  add(value: TensorValue, position = this.nextPosition): void {
    if (!(value.data instanceof Float32Array)) return;
    const axis = this.channelAxis(value.dims);
    const swept = sweep(value.data, value.dims, axis);
    const { count, mean, m2, min, max, nan, infinite } = swept.moments;
    const channels =
      axis !== null && nan + infinite > 0
        ? channelRange(value.data, value.dims, axis)
        : swept.channels;
    this.histogram.addKnown(value.data, min, max);
    const sums = { count, origin: mean, sum: 0, squares: m2, min, max, nan, infinite };
    this.absorb({ ...sums, channels }, value.dims, position);
  }

  /** Count of samples that held a NaN or an infinity. */
  get notFinite(): number {
    return this.notFiniteAt.length;
  }

  /** Smallest finite value; +∞ while there is none. */
  get min(): number {
    return this.moments.min;
  }

  /** Largest finite value; −∞ while there is none. */
  get max(): number {
    return this.moments.max;
  }

  /**
   * Adds what was found of one sample elsewhere; its values are in the histogram already. A tensor that a sample computes
   * several times, inside Loop or Scan, comes several times with the sample's position.
   */
  absorb(
    sample: SampleSums & { channels: { min: Float32Array; max: Float32Array } | null },
    dims: readonly number[],
    position = this.nextPosition,
  ): void {
    this.moments.add(sample);
    this.histogram.widen(sample.min, sample.max);
    this.absorbRange(sample, dims, position);
  }

  /** Adds extremes of one sample where nothing else is asked for. */
  absorbRange(
    sample: Pick<SampleSums, 'min' | 'max' | 'nan' | 'infinite'> & {
      channels: { min: Float32Array; max: Float32Array } | null;
    },
    dims: readonly number[],
    position = this.nextPosition,
  ): void {
    this.keepChannels(sample.channels, this.samples > 0);
    const odd = sample.nan + sample.infinite > 0;
    if (odd && this.notFiniteAt.at(-1) !== position) this.notFiniteAt.push(position);
    this.dims = larger(this.dims, dims);
    this.moments.widen(sample.min, sample.max);
    const last = this.positions.length - 1;
    if (this.positions[last] === position) {
      this.sampleMin[last] = Math.min(this.sampleMin[last]!, sample.min);
      this.sampleMax[last] = Math.max(this.sampleMax[last]!, sample.max);
      return;
    }
    this.samples++;
    this.positions.push(position);
    this.sampleMin.push(sample.min);
    this.sampleMax.push(sample.max);
  }

  /**
   * Adds all that statistics of other samples have seen; they are left as they are.
   * @throws RangeError for a sample that is in both
   */
  merge(other: TensorStatistics): this {
    if (other.samples === 0) return this;
    const order = mergedOrder(this.positions, other.positions, this.tensor);
    for (const list of ['positions', 'sampleMin', 'sampleMax'] as const) {
      const both = [...this[list], ...other[list]];
      this[list].length = 0;
      for (const at of order) this[list].push(both[at]!);
    }
    this.keepChannels(other.sameChannels ? other.channels : null, this.samples > 0);
    this.samples += other.samples;
    this.notFiniteAt.push(...other.notFiniteAt);
    this.notFiniteAt.sort((a, b) => a - b);
    this.dims = larger(this.dims, other.dims);
    this.histogram.merge(other.histogram);
    this.moments.merge(other.moments);
    return this;
  }

  toData(): StatisticsData {
    const full = this.depth === 'full';
    const empty = this.min > this.max;
    return {
      tensor: this.tensor,
      samples: this.samples,
      notFiniteAt: toRuns(this.notFiniteAt),
      dims: this.dims,
      histogram: full ? this.histogram.toData() : null,
      moments: full ? this.moments.toData() : null,
      min: empty ? null : this.min,
      max: empty ? null : this.max,
      channels: this.channels && {
        min: Array.from(this.channels.min, finite),
        max: Array.from(this.channels.max, finite),
      },
      sameChannels: this.sameChannels,
      positions: toRuns(this.positions),
      sampleMin: toBase64(this.sampleMin),
      sampleMax: toBase64(this.sampleMax),
    };
  }

  static fromData(data: StatisticsData): TensorStatistics {
    const statistics = new TensorStatistics(
      data.tensor,
      data.histogram ? 'full' : 'minmax',
      data.histogram ? FloatBitsHistogram.fromData(data.histogram) : undefined,
      data.moments ? ExactMoments.fromData(data.moments) : undefined,
    );
    statistics.samples = data.samples;
    statistics.notFiniteAt.push(...fromRuns(data.notFiniteAt));
    statistics.dims = data.dims;
    statistics.moments.widen(data.min ?? Infinity, data.max ?? -Infinity);
    statistics.channels = data.channels && {
      min: Float32Array.from(data.channels.min, (x) => x ?? Infinity),
      max: Float32Array.from(data.channels.max, (x) => x ?? -Infinity),
    };
    statistics.sameChannels = data.sameChannels;
    statistics.positions.push(...fromRuns(data.positions));
    statistics.sampleMin.push(...fromBase64(data.sampleMin));
    statistics.sampleMax.push(...fromBase64(data.sampleMax));
    return statistics;
  }

  /** The channel axis, as long as there are not too many channels and their number does not change. */
  channelAxis(dims: readonly number[]): number | null {
    const axis = channelAxisOf(dims);
    if (axis === null || dims[axis]! > MOST_CHANNELS || !this.sameChannels) return null;
    return axis;
  }

  private get nextPosition(): number {
    return (this.positions.at(-1) ?? -1) + 1;
  }

  /** Widens the channels' ranges; they are given up for good once their number differs. */
  private keepChannels(
    found: { min: Float32Array; max: Float32Array } | null,
    before: boolean,
  ): void {
    const { channels } = this;
    if (!before && found)
      this.channels = { min: Float32Array.from(found.min), max: Float32Array.from(found.max) };
    else if (!found || channels?.min.length !== found.min.length) {
      this.sameChannels = false;
      this.channels = null;
    } else
      for (let c = 0; c < found.min.length; c++) {
        channels.min[c] = Math.min(channels.min[c]!, found.min[c]!);
        channels.max[c] = Math.max(channels.max[c]!, found.max[c]!);
      }
  }
}

/** Axis whose slices people call channels: 1 for images, the last one for vectors and sequences. */
export function channelAxisOf(dims: readonly number[]): number | null {
  if (dims.length < 2) return null;
  return dims.length >= 4 ? 1 : dims.length - 1;
}

/** Of two shapes the one of more elements, and of equals the one that is larger at the first difference. */
function larger(a: readonly number[], b: readonly number[]): number[] {
  const size = (dims: readonly number[]) =>
    dims.length === 0 ? -1 : dims.reduce((product, dim) => product * dim, 1);
  let difference = size(a) - size(b);
  for (let i = 0; difference === 0 && i < Math.max(a.length, b.length); i++)
    difference = (a[i] ?? -1) - (b[i] ?? -1);
  return [...(difference >= 0 ? a : b)];
}

/** The order in which two lists, one after the other, ascend. */
function mergedOrder(a: readonly number[], b: readonly number[], tensor: string): number[] {
  const all = [...a, ...b];
  const order = all.map((_, i) => i).sort((x, y) => all[x]! - all[y]!);
  const twice = order.find((at, i) => i > 0 && all[at] === all[order[i - 1]!]);
  if (twice !== undefined)
    throw new RangeError(`Sample ${all[twice]} of '${tensor}' is in both statistics.`);
  return order;
}

function finite(x: number): number | null {
  return Number.isFinite(x) ? x : null;
}

function toRuns(positions: readonly number[]): number[] {
  const runs: number[] = [];
  for (const position of positions)
    if (runs.length > 0 && runs.at(-1) === position - 1) runs[runs.length - 1] = position;
    else runs.push(position, position);
  return runs;
}

function fromRuns(runs: readonly number[]): number[] {
  const positions: number[] = [];
  for (let i = 0; i < runs.length; i += 2)
    for (let position = runs[i]!; position <= runs[i + 1]!; position++) positions.push(position);
  return positions;
}

function toBase64(values: readonly number[]): string {
  return Buffer.from(Float32Array.from(values).buffer).toString('base64');
}

function fromBase64(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}
