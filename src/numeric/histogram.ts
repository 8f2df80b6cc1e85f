/** Bins: one for every sign, exponent and five leading bits of the mantissa of a float32. */
export const BIN_COUNT = 1 << 14;
const NEGATIVE = BIN_COUNT >> 1;
/** First bin of the exponent 255: infinity, then NaNs. */
const INFINITE = 255 << 5;
const LAST_FINITE = INFINITE - 1;

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** The number nearest to zero that falls into a finite bin. */
function near(bin: number): number {
  word[0] = bin << 18;
  return float[0]!;
}

/** The number farthest from zero that falls into a finite bin. */
function far(bin: number): number {
  word[0] = (bin << 18) | 0x3ffff;
  return float[0]!;
}

/** A {@link FloatBitsHistogram} as plain compact data: what JSON and structured clone can carry. */
export interface HistogramData {
  /** Indices of the bins in use, ascending. */
  bins: number[];
  /** Their counts. */
  counts: number[];
  /** Extremes of the finite values; null where there were none. */
  min: number | null;
  max: number | null;
}

/** Linear bins for display. */
export interface LinearBins {
  /** Ascending, one more than `counts`. */
  edges: number[];
  counts: number[];
  /** Finite values below the first and above the last edge. */
  below: number;
  above: number;
}

/**
 * A histogram whose bins do not depend on the data (DESIGN §4.12): a float32 is counted in the bin of its own
 * leading 14 bits (`u32 >>> 18`), which is at most 1/32 wide relative to its value. Histograms of two
 * halves therefore merge exactly into that of the whole, in any order; infinities and NaNs have bins of
 * their own. The exact minimum and maximum of the finite values are kept beside it.
 */
export class FloatBitsHistogram {
  /** Extremes of the finite values; +∞ and −∞ while there are none. */
  min = Infinity;
  max = -Infinity;
  private recent: Uint32Array | undefined;
  private pending = 0;
  /** What no longer fits into 32 bits, or came from elsewhere. */
  private settled: Float64Array | undefined;

  /** Counts every value. */
  add(values: Float32Array): this {
    let { min, max } = this;
    for (let i = 0; i < values.length; i++) {
      const x = values[i]!;
      // Comparisons with NaN are false.
      if (x < min && x !== -Infinity) min = x;
      if (x > max && x !== Infinity) max = x;
    }
    return this.addKnown(values, min, max);
  }

  /** The same where the extremes of the finite values are known already. */
  addKnown(values: Float32Array, min: number, max: number): this {
    const n = values.length;
    if (this.pending + n > 0xffffffff) this.settle();
    this.pending += n;
    const bits = new Uint32Array(values.buffer, values.byteOffset, n);
    const recent = (this.recent ??= new Uint32Array(BIN_COUNT));
    for (let i = 0; i < n; i++) recent[bits[i]! >>> 18]!++;
    this.min = Math.min(this.min, min) + 0;
    this.max = Math.max(this.max, max) + 0;
    return this;
  }

  /**
   * Moves counts that were made elsewhere here and leaves zeros, one or several for each bin: `counts[k·BIN_COUNT + bin]`.
   * The extremes are told by {@link widen}.
   */
  takeCounts(counts: Uint32Array): this {
    const settled = this.settle();
    for (let from = 0; from < counts.length; from += BIN_COUNT)
      for (let bin = 0; bin < BIN_COUNT; bin++) {
        const count = counts[from + bin]!;
        if (count === 0) continue; // pages of memory without counts are never written
        settled[bin]! += count;
        counts[from + bin] = 0;
      }
    return this;
  }

  /** Widens the extremes by those of finite values that {@link takeCounts} has counted. */
  widen(min: number, max: number): this {
    this.min = Math.min(this.min, min);
    this.max = Math.max(this.max, max);
    return this;
  }

  /** Adds all that another histogram has counted. */
  merge(other: FloatBitsHistogram): this {
    const settled = this.settle();
    for (let bin = 0; bin < BIN_COUNT; bin++) settled[bin]! += other.countOf(bin);
    this.min = Math.min(this.min, other.min);
    this.max = Math.max(this.max, other.max);
    return this;
  }

  /** The count of one bin, 0…{@link BIN_COUNT} − 1. */
  countOf(bin: number): number {
    return (this.recent?.[bin] ?? 0) + (this.settled?.[bin] ?? 0);
  }

  /** Values counted, finite or not. */
  get total(): number {
    let sum = 0;
    for (let bin = 0; bin < BIN_COUNT; bin++) sum += this.countOf(bin);
    return sum;
  }

  /** Finite values counted. */
  get finite(): number {
    return this.total - this.notFinite;
  }

  /** Infinities and NaNs counted. */
  get notFinite(): number {
    let sum = 0;
    for (let bin = INFINITE; bin < NEGATIVE; bin++)
      sum += this.countOf(bin) + this.countOf(bin | NEGATIVE);
    return sum;
  }

  /** NaNs counted, but for those whose payload is only in its last 18 bits: they count as infinite. */
  get nan(): number {
    return this.notFinite - this.infinite;
  }

  /** Infinities of either sign. */
  get infinite(): number {
    return this.countOf(INFINITE) + this.countOf(INFINITE | NEGATIVE);
  }

  /** Calls back for each occupied finite bin in ascending order of its values, its interval cut to [min, max]. */
  forEach(visit: (low: number, high: number, count: number) => void): void {
    for (let bin = LAST_FINITE; bin >= 0; bin--) {
      const count = this.countOf(bin | NEGATIVE);
      if (count) visit(this.inside(far(bin | NEGATIVE)), this.inside(near(bin | NEGATIVE)), count);
    }
    for (let bin = 0; bin <= LAST_FINITE; bin++) {
      const count = this.countOf(bin);
      if (count) visit(this.inside(near(bin)), this.inside(far(bin)), count);
    }
  }

  /**
   * The value below which a share `p` (0…1) of the finite values lies, values taken as spread evenly over
   * their bin; exact at 0 and 1, otherwise right to 1/32 of the value. NaN if nothing was counted.
   */
  quantile(p: number): number {
    const total = this.finite;
    if (total === 0) return NaN;
    if (p <= 0) return this.min;
    if (p >= 1) return this.max;
    const wanted = p * total;
    let seen = 0;
    let found: number | undefined;
    this.forEach((low, high, count) => {
      if (found === undefined && seen + count >= wanted)
        found = low + (high - low) * ((wanted - seen) / count);
      seen += count;
    });
    return found ?? this.max;
  }

  /** The share of the finite values outside [low, high]: the clip rate of such a range. 0 if empty. */
  shareOutside(low: number, high: number): number {
    const total = this.finite;
    if (total === 0) return 0;
    const { counts } = this.spread(low, high, 1);
    return Math.max(0, Math.min(1, 1 - counts[0]! / total));
  }

  /**
   * The finite values over `n` equal bins from `low` to `high`. A bin of ours that crosses an edge is
   * divided in proportion; the sums are then rounded to integers such that
   * `below + Σcounts + above` is the number of finite values.
   * @throws RangeError unless low ≤ high are finite and n ≥ 1.
   */
  rebin(low: number, high: number, n: number): LinearBins {
    if (!(low <= high && high - low < Infinity && n >= 1))
      throw new RangeError(`No ${n} bins from ${low} to ${high}.`);
    const { edges, below, counts, above } = this.spread(low, high, n);
    // Differences of the rounded running total conserve it, and move no more than half a count.
    let running = 0;
    let rounded = 0;
    const [first, ...rest] = [below, ...counts, above].map((share) => {
      running += share;
      const count = Math.round(running) - rounded;
      rounded += count;
      return count;
    });
    const last = rest.pop();
    return { edges, counts: rest, below: first ?? 0, above: last ?? 0 };
  }

  /** The same bins with fractional counts. A range of no width holds what equals it. */
  private spread(low: number, high: number, n: number): LinearBins {
    const width = (high - low) / n;
    const edges = Array.from({ length: n + 1 }, (_, i) => (i === n ? high : low + width * i));
    const counts = new Array<number>(n).fill(0);
    let below = 0;
    let above = 0;
    const at = (value: number) =>
      width > 0 ? Math.max(0, Math.min(n - 1, Math.floor((value - low) / width))) : 0;
    this.forEach((from, to, count) => {
      if (to < low) below += count;
      else if (from > high) above += count;
      else if (from === to) counts[at(from)]! += count;
      else {
        const density = count / (to - from);
        below += Math.max(0, low - from) * density;
        above += Math.max(0, to - high) * density;
        const [start, end] = [Math.max(from, low), Math.min(to, high)];
        const [first, last] = [at(start), at(end)];
        for (let k = first; k <= last; k++) {
          const left = k === first ? start : edges[k]!;
          const right = k === last ? end : edges[k + 1]!;
          counts[k]! += Math.max(0, right - left) * density;
        }
      }
    });
    return { edges, counts, below, above };
  }

  /** Only the bins in use. */
  toData(): HistogramData {
    const bins: number[] = [];
    const counts: number[] = [];
    for (let bin = 0; bin < BIN_COUNT; bin++) {
      const count = this.countOf(bin);
      if (count === 0) continue;
      bins.push(bin);
      counts.push(count);
    }
    const empty = this.min > this.max;
    return { bins, counts, min: empty ? null : this.min, max: empty ? null : this.max };
  }

  static fromData({ bins, counts, min, max }: HistogramData): FloatBitsHistogram {
    const histogram = new FloatBitsHistogram();
    const settled = histogram.settle();
    bins.forEach((bin, i) => (settled[bin] = counts[i] ?? 0));
    histogram.min = min ?? Infinity;
    histogram.max = max ?? -Infinity;
    return histogram;
  }

  private settle(): Float64Array {
    const settled = (this.settled ??= new Float64Array(BIN_COUNT));
    if (this.recent && this.pending > 0) {
      for (let bin = 0; bin < BIN_COUNT; bin++) settled[bin]! += this.recent[bin]!;
      this.recent.fill(0);
      this.pending = 0;
    }
    return settled;
  }

  private inside(value: number): number {
    return Math.max(this.min, Math.min(this.max, value));
  }
}
