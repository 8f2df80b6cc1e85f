import { ExactSum } from './exact-sum';

/** {@link ExactMoments} as plain data. */
export interface ExactMomentsData {
  count: number;
  /** Σx and Σx² as {@link ExactSum} writes them. */
  sum: string;
  squares: string;
  min: number | null;
  max: number | null;
  nan: number;
  infinite: number;
}

/** What one pass over one tensor of one sample finds. */
export interface SampleSums {
  /** Finite values. */
  count: number;
  /** What the sums are relative to. */
  origin: number;
  /** Σ(x − origin). */
  sum: number;
  /** Σ(x − origin)². */
  squares: number;
  /** Extremes of the finite values; +∞ and −∞ without any. */
  min: number;
  max: number;
  nan: number;
  infinite: number;
}

/**
 * Count, mean, spread and extremes of the finite values of a tensor, with the sums of its samples added without rounding:
 * moments of any parts merge to exactly those of the whole, bit for bit and in any order, as long as no sample is divided.
 */
export class ExactMoments {
  /** Finite values. */
  count = 0;
  min = Infinity;
  max = -Infinity;
  nan = 0;
  infinite = 0;
  private sum = new ExactSum();
  private squares = new ExactSum();

  /** Widens the extremes alone. */
  widen(min: number, max: number): this {
    this.min = Math.min(this.min, min) + 0;
    this.max = Math.max(this.max, max) + 0;
    return this;
  }

  /** Adds one sample. */
  add(sample: SampleSums): this {
    const { count, origin, sum, squares } = sample;
    this.widen(sample.min, sample.max);
    this.nan += sample.nan;
    this.infinite += sample.infinite;
    this.count += count;
    if (count === 0) return this;
    // Σx = Σ(x−o) + n·o, and Σx² = Σ(x−o)² + 2·o·Σ(x−o) + n·o²
    this.sum.add(sum).add(count, origin);
    this.squares.add(squares).add(2, origin, sum).add(count, origin, origin);
    return this;
  }

  /** Adds all that another one has seen. */
  merge(other: ExactMoments): this {
    this.widen(other.min, other.max);
    this.nan += other.nan;
    this.infinite += other.infinite;
    this.count += other.count;
    this.sum.merge(other.sum);
    this.squares.merge(other.squares);
    return this;
  }

  /** Mean; 0 without values. */
  get mean(): number {
    return this.count > 0 ? this.sum.over(this.count) : 0;
  }

  /** Σ(x − mean)². */
  get m2(): number {
    if (this.count === 0) return 0;
    // n·Σx² − (Σx)², of which rounding within a sample may make a little less than nothing
    const scaled = this.squares.times(this.count).minus(this.sum.squared());
    return Math.max(0, scaled.over(this.count));
  }

  /** Σx². */
  get power(): number {
    return Math.max(0, this.squares.over(1));
  }

  /** Population variance; 0 without values. */
  get variance(): number {
    return this.count > 0 ? this.m2 / this.count : 0;
  }

  /** Population standard deviation. */
  get std(): number {
    return Math.sqrt(this.variance);
  }

  toData(): ExactMomentsData {
    const { count, nan, infinite } = this;
    const [sum, squares] = [this.sum.toString(), this.squares.toString()];
    return { count, sum, squares, ...this.extremes(), nan, infinite };
  }

  static fromData(data: ExactMomentsData): ExactMoments {
    const moments = new ExactMoments();
    moments.widen(data.min ?? Infinity, data.max ?? -Infinity);
    moments.count = data.count;
    moments.nan = data.nan;
    moments.infinite = data.infinite;
    moments.sum = ExactSum.parse(data.sum);
    moments.squares = ExactSum.parse(data.squares);
    return moments;
  }

  private extremes(): { min: number | null; max: number | null } {
    const empty = this.min > this.max;
    return { min: empty ? null : this.min, max: empty ? null : this.max };
  }
}
