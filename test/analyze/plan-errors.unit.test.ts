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
    expect(errors.expected([])).toBeCloseTo(30, 10);
    expect(errors.expected(keep('a'))).toBeCloseTo(14, 10);
  });

  it('fall off with the layers in which plans differ', () => {
    const errors = new PlanErrors(LAYERS);
    errors.add([], 15);
    // twice the sum of its parts
    errors.add(keep('a'), 14);
    const [one, near] = [1.01, Math.exp(-1 / 4)];
    const determinant = one * one - near * near;
    /** kᵀ · A⁻¹ · (0, ln 2) where A has `one` on its diagonal and `near` beside it. */
    const more = (toFirst: number, toSecond: number) =>
      ((toSecond * one - toFirst * near) * Math.LN2) / determinant;
    expect(errors.expected(keep('a'))).toBeCloseTo(7 * Math.exp(more(near, 1)), 10);
    expect(errors.expected(keep('a', 'd'))).toBeCloseTo(
      6 * Math.exp(more(Math.exp(-2 / 4), near)),
      10,
    );
    // c goes along with b
    const far = [Math.exp(-2 / 4), Math.exp(-3 / 4)] as const;
    expect(errors.expected(keep('b'))).toBeCloseTo(9 * Math.exp(more(...far)), 10);
    expect(errors.expected(keep('b', 'c'))).toBe(errors.expected(keep('b')));
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
