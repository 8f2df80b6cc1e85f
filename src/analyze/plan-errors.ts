/** How much more noise plans make than the sum of their parts says, learned from those that were run. Pure. */
import { noiseSum, outOfInteger, type LayerNoise } from './mixed-precision';
import type { PlannedLayer } from '../results-mixed';

/** Plans that differ in so many layers tell 1/e as much of each other as one and the same does. */
const REACH = 4;
/** What a plan's own measurement leaves open: share of the variance between plans. */
const OPEN = 0.01;

/**
 * The logarithm of measured noise over the sum of its parts, as a Gaussian process over plans whose covariance falls with the
 * number of layers in which two differ (kriging: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006,
 * algorithm 2.1). Its mean is what the first plan gave. Choosing the best of many makes what was measured lucky: neighbours
 * temper it.
 */
export class PlanErrors {
  private readonly plans: ReadonlySet<string>[] = [];
  private readonly ratios: number[] = [];
  /** Lower triangle of the covariances' Cholesky factor, row by row. */
  private readonly rows: Float64Array[] = [];
  private weights: Float64Array | null = null;

  constructor(private readonly layers: readonly LayerNoise[]) {}

  /** Takes in a plan that was run. @param noise measured, relative to the signal */
  add(choices: readonly PlannedLayer[], noise: number): void {
    const sum = noiseSum(this.layers, choices);
    if (!(sum > 0) || !(noise > 0)) return;
    const plan = this.featuresOf(choices);
    const row = this.solved(this.covariances(plan));
    const own = 1 + OPEN - row.reduce((all, v) => all + v * v, 0);
    this.rows.push(Float64Array.of(...row, Math.sqrt(Math.max(OPEN / 2, own))));
    this.plans.push(plan);
    this.ratios.push(Math.log(noise / sum));
    this.weights = null;
  }

  /** Noise that is expected of a plan, relative to the signal. */
  expected(choices: readonly PlannedLayer[]): number {
    const sum = noiseSum(this.layers, choices);
    const [first] = this.ratios;
    if (first === undefined) return sum;
    this.weights ??= this.backSolved(this.solved(this.ratios.map((r) => r - first)));
    const near = this.covariances(this.featuresOf(choices));
    const more = near.reduce((all, k, i) => all + k * this.weights![i]!, 0);
    return sum * Math.exp(first + more);
  }

  private featuresOf(choices: readonly PlannedLayer[]): ReadonlySet<string> {
    const out = outOfInteger(this.layers, choices);
    return new Set([...out].map(([layer, precision]) => `${precision} ${layer}`));
  }

  private covariances(plan: ReadonlySet<string>): number[] {
    return this.plans.map((other) => {
      let shared = 0;
      for (const one of plan) if (other.has(one)) shared++;
      return Math.exp((2 * shared - plan.size - other.size) / REACH);
    });
  }

  /** L⁻¹ · values. */
  private solved(values: readonly number[]): number[] {
    const found: number[] = [];
    for (const [i, value] of values.entries()) {
      const row = this.rows[i]!;
      let rest = value;
      for (let k = 0; k < i; k++) rest -= row[k]! * found[k]!;
      found.push(rest / row[i]!);
    }
    return found;
  }

  /** L⁻ᵀ · values. */
  private backSolved(values: readonly number[]): Float64Array {
    const found = Float64Array.from(values);
    for (let i = found.length - 1; i >= 0; i--) {
      found[i]! /= this.rows[i]![i]!;
      for (let k = 0; k < i; k++) found[k]! -= this.rows[i]![k]! * found[i]!;
    }
    return found;
  }
}
