/** How much more noise plans make than the sum of their parts says, learned from those that were run. Pure. */
import { noiseParts, noiseSum, outOfInteger, type LayerNoise } from './mixed-precision';
import type { PlannedLayer } from '../results-mixed';

/** Plans that differ in so many layers tell 1/e as much of each other as one and the same does. */
const REACH = 4;
/** What a plan's own measurement leaves open: share of the variance between plans. */
const OPEN = 0.01;
/** Variance of what all plans have in common, of which nothing is known before the first was run. */
const COMMON = 100;

/**
 * The logarithm of measured noise over the sum of its parts, as a Gaussian process over plans (kriging: Rasmussen and Williams,
 * Gaussian Processes for Machine Learning, 2006, algorithm 2.1). Two plans are alike by the number of layers in which they
 * differ, and by the noise that they share: what layers add to each other's noise grows with the product of both.
 * Choosing the best of many makes what was measured lucky: neighbours temper it.
 */
export class PlanErrors {
  private readonly plans: Features[] = [];
  private readonly ratios: number[] = [];
  /** Lower triangle of the covariances' Cholesky factor, row by row. */
  private readonly rows: Float64Array[] = [];
  private weights: Float64Array | null = null;

  constructor(private readonly layers: readonly LayerNoise[]) {}

  /**
   * Takes in a plan that was run. @param noise measured, relative to the signal
   * @returns its number among those that were taken in, or null where there is nothing to learn from
   */
  add(choices: readonly PlannedLayer[], noise: number): number | null {
    const plan = this.featuresOf(choices);
    if (!(plan.sum > 0) || !(noise > 0)) return null;
    const row = this.solved(this.covariances(plan));
    const own = COMMON + 1 + OPEN - row.reduce((all, v) => all + v * v, 0);
    this.rows.push(Float64Array.of(...row, Math.sqrt(Math.max(OPEN / 2, own))));
    this.ratios.push(Math.log(noise / plan.sum));
    this.weights = null;
    return this.plans.push(plan) - 1;
  }

  /** Noise that is expected of a plan, relative to the signal. */
  expected(choices: readonly PlannedLayer[]): number {
    if (this.plans.length === 0) return noiseSum(this.layers, choices);
    const plan = this.featuresOf(choices);
    this.weights ??= this.backSolved(this.solved(this.ratios));
    const ratio = this.covariances(plan).reduce((all, k, i) => all + k * this.weights![i]!, 0);
    return plan.sum * Math.exp(ratio);
  }

  /**
   * What is expected of each plan that was taken in, by all others: without its own measurement, relative to the signal (leave
   * one out: the same book, section 5.4.2). The sum of its parts where it is the only one.
   */
  withoutThem(): number[] {
    if (this.plans.length === 1) return [this.plans[0]!.sum];
    this.weights ??= this.backSolved(this.solved(this.ratios));
    return this.plans.map(({ sum }, i) => {
      const unit = this.plans.map((_, k) => Number(k === i));
      const precision = this.solved(unit).reduce((all, v) => all + v * v, 0);
      return sum * Math.exp(this.ratios[i]! - this.weights![i]! / precision);
    });
  }

  private featuresOf(choices: readonly PlannedLayer[]): Features {
    const out = outOfInteger(this.layers, choices);
    const parts = noiseParts(this.layers, choices);
    return {
      layers: new Set([...out].map(([layer, precision]) => `${precision} ${layer}`)),
      parts,
      sum: parts.reduce((all, part) => all + part, 0),
    };
  }

  private covariances(plan: Features): number[] {
    return this.plans.map((other) => COMMON + likeness(plan, other));
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

/** What two plans are compared by. */
interface Features {
  /** Layers out of INT8, with their precisions. */
  layers: ReadonlySet<string>;
  /** Noise that it leaves, {@link noiseParts} of them, and their sum. */
  parts: Float64Array;
  sum: number;
}

/** 1 for a plan and itself, 0 for two that have nothing in common. */
function likeness(a: Features, b: Features): number {
  let same = 0;
  for (const one of a.layers) if (b.layers.has(one)) same++;
  const near = Math.exp((2 * same - a.layers.size - b.layers.size) / REACH);
  const shared = a.parts.reduce((all, part, i) => all + Math.min(part, b.parts[i]!), 0);
  return (near + (a.sum > 0 && b.sum > 0 ? shared ** 2 / (a.sum * b.sum) : 0)) / 2;
}
