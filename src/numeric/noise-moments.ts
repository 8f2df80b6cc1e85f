/** {@link NoiseMoments} as plain data: counts, Σd … Σd⁴, and Σ(d/scale)² with the count of its pairs. */
export interface NoiseMomentsData {
  count: number;
  first: number;
  second: number;
  third: number;
  fourth: number;
  steps: number;
  scaled: number;
}

/**
 * Moments of the noise d = y − x of a tensor beside its reference, over as many samples as are added. Pairs that are not
 * finite on both sides enter nothing, as in a `ClosenessAccumulator`.
 */
export class NoiseMoments {
  /** Pairs that could be compared. */
  count = 0;
  private first = 0;
  private second = 0;
  private third = 0;
  private fourth = 0;
  /** Σ(d/scale)², of the pairs that have a scale. */
  private steps = 0;
  private scaled = 0;

  /**
   * Adds a tensor and its reference, element by element.
   * @param scale of the codes that hold it; null where it is no codes
   * @throws RangeError if their lengths differ
   */
  add(reference: Float32Array, got: Float32Array, scale: number | null = null): this {
    if (reference.length !== got.length)
      throw new RangeError(`Compared ${got.length} values with ${reference.length}.`);
    let [count, first, second, third, fourth] = [0, 0, 0, 0, 0];
    for (let i = 0; i < reference.length; i++) {
      const d = got[i]! - reference[i]!;
      if (d - d !== 0) continue;
      const square = d * d;
      count++;
      first += d;
      second += square;
      third += square * d;
      fourth += square * square;
    }
    this.count += count;
    this.first += first;
    this.second += second;
    this.third += third;
    this.fourth += fourth;
    if (scale !== null && scale > 0) {
      this.steps += second / (scale * scale);
      this.scaled += count;
    }
    return this;
  }

  /** The sums as plain data. */
  toData(): NoiseMomentsData {
    const { count, first, second, third, fourth, steps, scaled } = this;
    return { count, first, second, third, fourth, steps, scaled };
  }

  static fromData(data: NoiseMomentsData): NoiseMoments {
    return Object.assign(new NoiseMoments(), data);
  }

  /** Mean of d; 0 if there was nothing to compare. */
  get mean(): number {
    return this.count > 0 ? this.first / this.count : 0;
  }

  /** Root of the mean of d². */
  get rmse(): number {
    return this.count > 0 ? Math.sqrt(this.second / this.count) : 0;
  }

  /** The same in steps of the scales that were given, each value by its own; null without any. */
  get rmsePerScale(): number | null {
    return this.scaled > 0 ? Math.sqrt(this.steps / this.scaled) : null;
  }

  /** Third central moment over σ³: 0 for noise as far above as below its mean. Null where d is the same everywhere. */
  get skew(): number | null {
    const spread = this.variance;
    if (spread === null) return null;
    const { count, mean } = this;
    const central = this.third / count - 3 * mean * (this.second / count) + 2 * mean ** 3;
    return central / spread ** 1.5;
  }

  /** Fourth central moment over σ⁴: 1.8 if spread evenly, as by rounding alone, 3 if normal. Null where d is the same everywhere. */
  get kurtosis(): number | null {
    const spread = this.variance;
    if (spread === null) return null;
    const { count, mean } = this;
    const central =
      this.fourth / count -
      4 * mean * (this.third / count) +
      6 * mean ** 2 * (this.second / count) -
      3 * mean ** 4;
    return central / spread ** 2;
  }

  /** Null where it is nothing, or no more than what subtracting has left of it. */
  private get variance(): number | null {
    if (this.count === 0) return null;
    const power = this.second / this.count;
    const variance = power - this.mean ** 2;
    return variance > 1e-9 * power ? variance : null;
  }
}
