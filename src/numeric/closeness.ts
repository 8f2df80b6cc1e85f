/** SQNR is capped here, in dB: two equal tensors have exactly this much (DESIGN §5). */
export const SQNR_CAP_DB = 150;

/**
 * `10·log10(signal / noise)` in dB, held within ±{@link SQNR_CAP_DB}.
 * No noise gives the cap, whatever the signal; noise without a signal gives minus the cap.
 */
export function sqnrDb(signal: number, noise: number): number {
  if (noise === 0) return SQNR_CAP_DB;
  const db = 10 * Math.log10(signal / noise);
  return Number.isNaN(db) ? -SQNR_CAP_DB : Math.max(-SQNR_CAP_DB, Math.min(SQNR_CAP_DB, db));
}

/** How far a value may be from its reference: `|x − y| ≤ atol + rtol·|x|`. */
export interface Tolerance {
  atol: number;
  rtol: number;
}

/** Integer codes: the stored half of a quantized tensor. */
export type Codes = Uint8Array | Int8Array | Uint16Array | Int16Array | Int32Array;

/** A {@link ClosenessAccumulator} as plain data, to cross processes or lie in a cache. */
export interface ClosenessData {
  count: number;
  signal: number;
  noise: number;
  product: number;
  energy: number;
  absolute: number;
  maxAbs: number;
  inside: number;
  notFinite: number;
}

/**
 * How close a tensor stays to its reference, over as many samples as are added. Sums are doubles; sums
 * of two halves merge to those of the whole (up to the order of addition).
 *
 * A pair counts as *not finite* where either value is NaN, or one is infinite and the other not the same
 * infinity. Such a pair enters no sum, and makes {@link sqnrDb} −150 where the reference was finite: a model
 * that answers NaN is never close. Two equal infinities (masks) are equal, and enter no sum either.
 */
export class ClosenessAccumulator {
  /** Pairs added. */
  count = 0;
  /** Σx² of the reference, Σ(x−y)², Σx·y, Σy² and Σ|x−y|. */
  signal = 0;
  noise = 0;
  product = 0;
  energy = 0;
  absolute = 0;
  /** Largest |x−y|. */
  maxAbs = 0;
  /** Pairs within the tolerance. */
  inside = 0;
  /** Pairs that could not be compared. */
  notFinite = 0;

  constructor(readonly tolerance: Tolerance = { atol: 1e-3, rtol: 1e-2 }) {}

  /**
   * Adds a tensor and its reference, element by element.
   * @throws RangeError if their lengths differ.
   */
  add(reference: Float32Array, got: Float32Array): this {
    sameLength(reference, got);
    const n = reference.length;
    const { atol, rtol } = this.tolerance;
    let signal = 0;
    let noise = 0;
    let product = 0;
    let energy = 0;
    let absolute = 0;
    let maxAbs = this.maxAbs;
    let inside = 0;
    for (let i = 0; i < n; i++) {
      const x = reference[i]!;
      const y = got[i]!;
      const d = Math.abs(x - y);
      if (d - d !== 0) {
        if (x === y) inside++;
        else this.notFinite++;
        continue;
      }
      signal += x * x;
      noise += d * d;
      product += x * y;
      energy += y * y;
      absolute += d;
      if (d > maxAbs) maxAbs = d;
      if (d <= atol + rtol * Math.abs(x)) inside++;
    }
    this.count += n;
    this.signal += signal;
    this.noise += noise;
    this.product += product;
    this.energy += energy;
    this.absolute += absolute;
    this.maxAbs = maxAbs;
    this.inside += inside;
    return this;
  }

  /**
   * Adds a quantized tensor without writing its float form anywhere: `y = (q − zeroPoint)·scale`, rounded
   * to float32 as DequantizeLinear does.
   * @throws RangeError if the lengths differ.
   */
  addCodes(reference: Float32Array, codes: Codes, scale: number, zeroPoint: number): this {
    sameLength(reference, codes);
    const step = 2048;
    const floats = new Float32Array(Math.min(step, codes.length));
    for (let from = 0; from < codes.length; from += step) {
      const n = Math.min(step, codes.length - from);
      for (let i = 0; i < n; i++) floats[i] = (codes[from + i]! - zeroPoint) * scale;
      this.add(reference.subarray(from, from + n), floats.subarray(0, n));
    }
    return this;
  }

  /** Adds all that another accumulator (of other samples of the same tensor) has seen. */
  merge(other: ClosenessData): this {
    this.count += other.count;
    this.signal += other.signal;
    this.noise += other.noise;
    this.product += other.product;
    this.energy += other.energy;
    this.absolute += other.absolute;
    this.maxAbs = Math.max(this.maxAbs, other.maxAbs);
    this.inside += other.inside;
    this.notFinite += other.notFinite;
    return this;
  }

  /** SQNR in dB (DESIGN §5), within ±150. */
  get sqnrDb(): number {
    return this.notFinite > 0 ? -SQNR_CAP_DB : sqnrDb(this.signal, this.noise);
  }

  /** Cosine of the angle between the two, −1…1; 1 if both are zero everywhere, 0 if only one is. */
  get cosine(): number {
    const length = Math.sqrt(this.signal) * Math.sqrt(this.energy);
    if (length === 0) return this.signal === this.energy ? 1 : 0;
    return Math.max(-1, Math.min(1, this.product / length));
  }

  /** Mean of |x−y| over the pairs that could be compared; 0 if there were none. */
  get meanAbs(): number {
    const compared = this.count - this.notFinite;
    return compared > 0 ? this.absolute / compared : 0;
  }

  /** Share of the pairs within the tolerance; 1 if there were none. */
  get within(): number {
    return this.count > 0 ? this.inside / this.count : 1;
  }

  /** The sums as plain data. */
  toData(): ClosenessData {
    const { count, signal, noise, product, energy, absolute, maxAbs, inside, notFinite } = this;
    return { count, signal, noise, product, energy, absolute, maxAbs, inside, notFinite };
  }

  static fromData(data: ClosenessData, tolerance?: Tolerance): ClosenessAccumulator {
    return new ClosenessAccumulator(tolerance).merge(data);
  }
}

function sameLength(reference: ArrayLike<number>, got: ArrayLike<number>): void {
  if (reference.length !== got.length)
    throw new RangeError(`Compared ${got.length} values with ${reference.length}.`);
}
