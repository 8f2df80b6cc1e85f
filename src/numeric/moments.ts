import { channelLayout } from './channels';

/** {@link Moments} as plain data; `min` and `max` are null where no finite value was seen. */
export interface MomentsData {
  count: number;
  mean: number;
  m2: number;
  min: number | null;
  max: number | null;
  nan: number;
  infinite: number;
}

/**
 * Count, mean, spread and extremes of the finite values of a tensor over as many samples as are added,
 * with NaNs and infinities counted beside them. Parts merge by the pairwise formulas of Chan, Golub and
 * LeVeque ("Updating formulae and a pairwise algorithm for computing sample variances", 1979).
 */
export class Moments {
  /** Finite values. */
  count = 0;
  mean = 0;
  /** Σ(x − mean)². */
  m2 = 0;
  min = Infinity;
  max = -Infinity;
  nan = 0;
  infinite = 0;

  /** Adds every value of a tensor. */
  add(values: Float32Array): this {
    let count = 0;
    let sum = 0;
    let { min, max } = this;
    for (let i = 0; i < values.length; i++) {
      const x = values[i]!;
      if (x - x !== 0) {
        if (Number.isNaN(x)) this.nan++;
        else this.infinite++;
        continue;
      }
      count++;
      sum += x;
      if (x < min) min = x;
      if (x > max) max = x;
    }
    const mean = count > 0 ? sum / count : 0;
    let m2 = 0;
    for (let i = 0; i < values.length; i++) {
      const d = values[i]! - mean;
      if (d - d === 0) m2 += d * d;
    }
    // zero has no sign in a range: which of 0 and −0 came first must not matter
    this.min = min + 0;
    this.max = max + 0;
    this.combine(count, mean, m2);
    return this;
  }

  /** Adds all that another one has seen. */
  merge(other: MomentsData): this {
    this.min = Math.min(this.min, other.min ?? Infinity) + 0;
    this.max = Math.max(this.max, other.max ?? -Infinity) + 0;
    this.nan += other.nan;
    this.infinite += other.infinite;
    this.combine(other.count, other.mean, other.m2);
    return this;
  }

  /** Population variance; 0 without values. */
  get variance(): number {
    return this.count > 0 ? this.m2 / this.count : 0;
  }

  /** Population standard deviation. */
  get std(): number {
    return Math.sqrt(this.variance);
  }

  toData(): MomentsData {
    const { count, mean, m2, min, max, nan, infinite } = this;
    const empty = min > max;
    return { count, mean, m2, min: empty ? null : min, max: empty ? null : max, nan, infinite };
  }

  static fromData(data: MomentsData): Moments {
    return new Moments().merge(data);
  }

  private combine(count: number, mean: number, m2: number): void {
    if (count === 0) return;
    const total = this.count + count;
    const delta = mean - this.mean;
    this.m2 += m2 + delta * delta * ((this.count * count) / total);
    this.mean += delta * (count / total);
    this.count = total;
  }
}

/** Minimum and maximum of every channel. */
export interface ChannelRange {
  min: Float32Array;
  max: Float32Array;
}

/**
 * The smallest and largest finite value of every channel of a tensor along `axis`; +∞ and −∞ for a channel
 * without one. Pass the result of an earlier tensor as `into` to go on with it.
 * @throws RangeError if the axis or the number of values does not fit `dims`, or `into` the channels.
 */
export function channelRange(
  values: Float32Array,
  dims: readonly number[],
  axis: number,
  into?: ChannelRange,
): ChannelRange {
  const { outer, channels, inner } = channelLayout(dims, axis);
  if (values.length !== outer * channels * inner)
    throw new RangeError(`${values.length} values in a tensor of shape [${dims.join(', ')}].`);
  if (into && into.min.length !== channels)
    throw new RangeError(`${channels} channels after ${into.min.length}.`);
  const min = into?.min ?? new Float32Array(channels).fill(Infinity);
  const max = into?.max ?? new Float32Array(channels).fill(-Infinity);
  let i = 0;
  for (let o = 0; o < outer; o++)
    for (let c = 0; c < channels; c++) {
      let low = min[c]!;
      let high = max[c]!;
      for (const end = i + inner; i < end; i++) {
        const x = values[i]!;
        if (x < low && x !== -Infinity) low = x;
        if (x > high && x !== Infinity) high = x;
      }
      min[c] = low + 0;
      max[c] = high + 0;
    }
  return { min, max };
}
