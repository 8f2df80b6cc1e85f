/** What adding noise powers expects, and which of several plans nothing beats. */
import { describe, expect, it } from 'vitest';
import { nextSteps, noiseSum, paretoFront, worthwhile } from '../../src/analyze/mixed-precision';
import type { PlannedLayer } from '../../src/results-mixed';

const alone = { takes: [] as string[], stays: 1 };
const LAYERS = [
  { layer: 'a', weights: 1, inputs: 3, givenBy: [null], wide: true, ...alone },
  { layer: 'b', weights: 2, inputs: 1, givenBy: ['a'], wide: true, ...alone },
  { layer: 'c', weights: 0, inputs: 1, givenBy: ['a', 'b'], wide: false, ...alone },
];
const keep = (layer: string): PlannedLayer => ({ layer, precision: 'float32' });

describe('noise powers', () => {
  it('add up, and that of an input stays as long as an INT8 layer gives it', () => {
    expect(noiseSum(LAYERS, [])).toBe(8);
    expect(noiseSum(LAYERS, [keep('a')])).toBe(4);
    expect(noiseSum(LAYERS, [keep('b')])).toBe(6);
    expect(noiseSum(LAYERS, [keep('a'), keep('b')])).toBe(1);
    expect(noiseSum(LAYERS, [keep('a'), keep('c')])).toBe(3.5);
    expect(noiseSum(LAYERS, [{ layer: 'a', precision: 'int16' }])).toBe(5);
    expect(noiseSum(LAYERS, [{ layer: 'b', precision: 'int16' }])).toBe(8);
  });

  it('leave out what goes along with a layer, and what a scale a channel takes away', () => {
    const [a, b, c] = LAYERS;
    const along = [a!, { ...b!, takes: ['c'] }, c!];
    // of c's input half comes from a
    expect(noiseSum(along, [keep('b')])).toBe(3 + 1 + 1 + 0.5);
    expect(noiseSum(along, [{ layer: 'b', precision: 'int16' }])).toBe(8);
    const finer = [a!, { ...b!, stays: 0.25 }, c!];
    expect(noiseSum(finer, [keep('b')])).toBe(3 + 1 + 0.25 + 1);
    expect(noiseSum(finer, [{ layer: 'b', precision: 'int16' }])).toBe(8);
  });

  it('are of each input what its scale makes of them', () => {
    const [a, b, c] = LAYERS;
    const uneven = [a!, b!, { ...c!, parts: [0.9, 0.1] }];
    expect(noiseSum(uneven, [])).toBe(8);
    expect(noiseSum(uneven, [keep('a'), keep('c')])).toBeCloseTo(2 + 1 + 0.1, 12);
    expect(noiseSum(uneven, [keep('b'), keep('c')])).toBeCloseTo(4 + 1 + 0.9, 12);
  });

  it('say what to take next, and what that will leave of what was measured', () => {
    expect(nextSteps(LAYERS, [], 16, 2)).toEqual([
      { choice: keep('a'), expected: 8 },
      { choice: keep('b'), expected: 12 },
      { choice: { layer: 'a', precision: 'int16' }, expected: 10 },
    ]);
    expect(nextSteps(LAYERS, [keep('a'), keep('b')], 2, 3)).toEqual([
      { choice: keep('c'), expected: 0 },
    ]);
  });
});

describe('plans', () => {
  it('stand at the front where none beats them in all that both were measured in', () => {
    const plan = (noise: number, bytes: number, time: number | null = null) => ({
      noise,
      bytes,
      time,
    });
    expect(paretoFront([plan(4, 10), plan(3, 12), plan(5, 11), plan(3, 13)])).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(paretoFront([plan(4, 10, 5), plan(5, 11, 3)])).toEqual([true, true]);
  });

  it('take further layers as long as each is worth it', () => {
    expect(worthwhile([10, 13, 13.1, 13.2])).toBe(1);
    expect(worthwhile([10, 10.1, 14, 14.1])).toBe(2);
    expect(worthwhile([10, 10.2])).toBe(0);
  });
});
