/**
 * A seeded generator of pseudo-random numbers: xoshiro128** 1.1 (Blackman and Vigna, "Scrambled linear
 * pseudorandom number generators", 2021), its state filled by SplitMix32. The same seed and stream give
 * the same numbers on every machine, except {@link normal}, which rests on the engine's `Math.log` and
 * `Math.cos`.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private d: number;
  private spare: number | undefined;

  /**
   * @param seed any number; its fraction is dropped and it is taken modulo 2³²
   * @param stream an independent sequence of the same seed, e.g. the index of a sample
   */
  constructor(seed: number, stream = 0) {
    let state = (mix(seed >>> 0) ^ mix((stream >>> 0) + 0x632be5ab)) >>> 0;
    const next = () => mix((state = (state + 0x9e3779b9) >>> 0));
    this.a = next();
    this.b = next();
    this.c = next();
    this.d = next() | 1; // never all zero
  }

  /** An integer from 0 to 2³² − 1. */
  uint32(): number {
    const x = Math.imul(this.b, 5);
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0;
    const t = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= t;
    this.d = (this.d << 11) | (this.d >>> 21);
    return result;
  }

  /** A number in [low, high), of 32 random bits; high itself may come out where rounding leads there. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * (this.uint32() / 4294967296);
  }

  /** An integer in [0, n), n ≤ 2³². The bias is below n / 2³². */
  below(n: number): number {
    return Math.floor((this.uint32() / 4294967296) * n);
  }

  /** A number from the standard normal distribution (Box and Muller, 1958). */
  normal(): number {
    if (this.spare !== undefined) {
      const value = this.spare;
      this.spare = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log((this.uint32() + 1) / 4294967296));
    const angle = 2 * Math.PI * (this.uint32() / 4294967296);
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** Shuffles an array in place (Fisher and Yates) and returns it. */
  shuffle<T extends { [index: number]: unknown; length: number }>(array: T): T {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const value = array[i];
      array[i] = array[j];
      array[j] = value;
    }
    return array;
  }

  /** `k` different integers of [0, n) in ascending order; all of them where k ≥ n (Floyd's algorithm). */
  sample(n: number, k: number): number[] {
    if (k >= n) return Array.from({ length: n }, (_, i) => i);
    const chosen = new Set<number>();
    for (let j = n - k; j < n; j++) {
      const i = this.below(j + 1);
      chosen.add(chosen.has(i) ? j : i);
    }
    return [...chosen].sort((x, y) => x - y);
  }
}

/** The output function of SplitMix32 (a bijection on 32 bits that leaves no pattern of its input). */
function mix(state: number): number {
  let z = state ^ (state >>> 16);
  z = Math.imul(z, 0x21f0aaad);
  z ^= z >>> 15;
  z = Math.imul(z, 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}
