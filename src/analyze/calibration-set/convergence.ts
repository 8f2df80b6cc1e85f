import type { Statistics } from '../../quantize/calibrate';
import type { TensorStatistics } from '../../quantize/statistics';

/** A range that is this much narrower on half of the samples still grows. */
const GROWS = 0.02;
/** So many samples are needed to judge at all. */
const FEWEST = 8;

/** How far ranges have settled with the number of samples. */
export interface Convergence {
  samples: number;
  /** So many samples would give every range but the growing ones to 2 %; null where too few were seen to tell. */
  enough: number | null;
  /** Tensors whose range half of the samples would leave more than 2 % narrower, by how much (0…1), most first. */
  growing: { tensor: string; growth: number }[];
}

/**
 * How much every range depends on the number of samples. What m of the n samples would give on average is computed exactly
 * from the extremes of each sample, whatever their order: the expected maximum of m drawn from n without replacement is
 * Σ x₍ᵢ₎·C(i−1, m−1)/C(n, m) over the sorted values.
 */
export function convergence(statistics: Statistics): Convergence {
  const all = [...statistics.values()].filter(
    (s) => s.notFinite === 0 && widthOf(s, s.samples) > 0,
  );
  const samples = Math.max(0, ...all.map((s) => s.samples));
  if (samples < FEWEST) return { samples, enough: null, growing: [] };
  const growing = all
    .map((s) => ({
      tensor: s.tensor,
      growth: 1 - widthOf(s, s.samples >> 1) / widthOf(s, s.samples),
    }))
    .filter(({ growth }) => growth > GROWS)
    .sort((a, b) => b.growth - a.growth);
  const grows = new Set(growing.map(({ tensor }) => tensor));
  const settled = all.filter(({ tensor }) => !grows.has(tensor));
  let enough = samples;
  const fits = (m: number) =>
    settled.every((s) => widthOf(s, m) >= (1 - GROWS) * widthOf(s, s.samples));
  for (let m = samples >> 1; m >= 1 && fits(m); m >>= 1) enough = m;
  return { samples, enough: settled.length > 0 ? enough : null, growing };
}

/** How much narrower the range of one tensor would be on half of the samples, as a share; null where too few were seen. */
export function growthOf(statistics: TensorStatistics): number | null {
  const whole = widthOf(statistics, statistics.samples);
  if (statistics.samples < FEWEST || !(whole > 0)) return null;
  return 1 - widthOf(statistics, statistics.samples >> 1) / whole;
}

/** Expected width of the range, zero included, of so many samples. */
function widthOf({ sampleMin, sampleMax }: TensorStatistics, count: number): number {
  const negated = sampleMin.map((x) => -x);
  return (
    Math.max(0, expectedMaximum(sampleMax, count)) + Math.max(0, expectedMaximum(negated, count))
  );
}

/** Mean of the maximum of `count` values drawn without replacement. */
export function expectedMaximum(values: readonly number[], count: number): number {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const n = sorted.length;
  const m = Math.max(1, Math.min(count, n));
  // C(i−1, m−1)/C(n, m) is m/n for the largest, and from there each is (i−m)/(i−1) of the one before.
  let weight = m / n;
  let sum = 0;
  for (let i = n; i >= m; i--) {
    sum += weight * sorted[i - 1]!;
    weight *= (i - m) / (i - 1 || 1);
  }
  return sum;
}
