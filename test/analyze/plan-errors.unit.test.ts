/** What plans that were run tell of others, against the formulas of two observations written out. */
import { describe, expect, it } from 'vitest';
import type { LayerNoise } from '../../src/analyze/mixed-precision';
import { PlanErrors } from '../../src/analyze/plan-errors';
import type { PlannedLayer } from '../../src/results-mixed';

const layer = (name: string, weights: number, takes: string[] = []): LayerNoise => ({
  ...{ layer: name, weights, inputs: 0, givenBy: [null] },
  ...{ wide: true, takes, stays: 1 },
});
const LAYERS = [layer('a', 8), layer('b', 4, ['c']), layer('c', 2), layer('d', 1)];
const keep = (...names: string[]): PlannedLayer[] =>
  names.map((name) => ({ layer: name, precision: 'float32' }));

describe('errors of plans', () => {
  it('are none before a plan was run, and its own for all after the first', () => {
    const errors = new PlanErrors(LAYERS);
    expect(errors.expected(keep('a'))).toBe(7);
    errors.add([], 30);
    // but for the hundredth that a measurement leaves open, of the hundred that are not known beforehand
    expect(Math.log(errors.expected([]) / 30)).toBeCloseTo(-(Math.LN2 * 0.01) / 101.01, 10);
    expect(errors.expected(keep('a')) / 14).toBeCloseTo(1, 2);
  });

  it('fall off with the layers in which plans differ, and with the noise that only one of them has', () => {
    const errors = new PlanErrors(LAYERS);
    errors.add([], 15);
    // twice the sum of its parts
    errors.add(keep('a'), 14);
    /** By the number of layers in which two plans differ, the noise of what both have in INT8, and that of each. */
    const alike = (differ: number, both: number, one: number, other: number) =>
      100 + (Math.exp(-differ / 4) + both ** 2 / (one * other)) / 2;
    const [own, between] = [101.01, alike(1, 7, 15, 7)];
    /** kᵀ · A⁻¹ · (0, ln 2) where A has `own` on its diagonal and `between` beside it. */
    const more = (toFirst: number, toSecond: number) =>
      ((toSecond * own - toFirst * between) * Math.LN2) / (own ** 2 - between ** 2);
    const expects = (plan: PlannedLayer[], noise: number) =>
      expect(errors.expected(plan) / noise).toBeCloseTo(1, 10);
    expects(keep('a'), 7 * Math.exp(more(between, 101)));
    expects(keep('a', 'd'), 6 * Math.exp(more(alike(2, 6, 15, 6), alike(1, 6, 7, 6))));
    // c goes along with b
    expects(keep('b'), 9 * Math.exp(more(alike(2, 9, 15, 9), alike(3, 1, 7, 9))));
    expect(errors.expected(keep('b', 'c'))).toBe(errors.expected(keep('b')));
  });

  it('without its own measurement, a plan is what the others make one expect of it', () => {
    const plans = [[], ['a'], ['d'], ['a', 'd'], ['b'], ['a', 'b']];
    const measured = [15, 9, 13, 5, 12, 3];
    const all = new PlanErrors(LAYERS);
    plans.forEach((names, i) => expect(all.add(keep(...names), measured[i]!)).toBe(i));
    const without = all.withoutThem();
    for (const [left, names] of plans.entries()) {
      const others = new PlanErrors(LAYERS);
      plans.forEach((other, i) => i !== left && others.add(keep(...other), measured[i]!));
      expect(without[left]! / others.expected(keep(...names))).toBeCloseTo(1, 6);
    }
    const alone = new PlanErrors(LAYERS);
    alone.add(keep('a'), 9);
    expect(alone.withoutThem()).toEqual([7]);
  });

  it('come back near to what was measured, however many plans were run', () => {
    const errors = new PlanErrors(LAYERS);
    const plans = [[], ['a'], ['d'], ['a', 'd'], ['b'], ['a', 'b'], ['b', 'd'], ['a', 'b', 'd']];
    const measured = [15, 9, 13, 5, 12, 3, 7, 0.5];
    plans.slice(0, 7).forEach((names, i) => errors.add(keep(...names), measured[i]!));
    plans.slice(0, 7).forEach((names, i) => {
      const got = errors.expected(keep(...names)) / measured[i]!;
      expect(got).toBeGreaterThan(0.9);
      expect(got).toBeLessThan(1.1);
    });
    // nothing is left of it
    expect(errors.expected(keep('a', 'b', 'd'))).toBe(0);
    errors.add(keep('a', 'b', 'd'), 0.5);
    expect(errors.expected(keep('a', 'b', 'd'))).toBe(0);
  });
});
