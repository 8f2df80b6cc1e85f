import fc from '../lib/property';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/numeric/random';

const draw = (random: Random, n: number) => Array.from({ length: n }, () => random.uint32());

describe('random numbers', () => {
  it('are the same for the same seed, and the same in every version of ours', () => {
    expect(draw(new Random(7), 5)).toEqual(draw(new Random(7), 5));
    expect(draw(new Random(7), 5)).not.toEqual(draw(new Random(8), 5));
    expect(draw(new Random(7, 1), 5)).not.toEqual(draw(new Random(7, 0), 5));
    expect(draw(new Random(0), 4)).toMatchInlineSnapshot(`
      [
        3017164173,
        3737430210,
        261230704,
        876899550,
      ]
    `);
  });

  it('are spread evenly', () => {
    const random = new Random(1);
    const counts = new Array<number>(16).fill(0);
    for (let i = 0; i < 16_000; i++) counts[random.below(16)]!++;
    const chi = counts.reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0);
    expect(chi).toBeLessThan(40); // 15 degrees of freedom: 1 in 2000
    expect(random.uniform(2, 3)).toBeGreaterThanOrEqual(2);
  });

  it('of neighbouring streams do not go together', () => {
    let sum = 0;
    for (let s = 0; s < 2000; s++)
      sum += (new Random(0, s).uniform() - 0.5) * (new Random(0, s + 1).uniform() - 0.5);
    expect(Math.abs(sum / 2000) * 12).toBeLessThan(0.1);
  });

  it('have a normal form', () => {
    const random = new Random(2);
    const values = Array.from({ length: 40_000 }, () => random.normal());
    const mean = values.reduce((a, b) => a + b) / values.length;
    const power = (p: number) => values.reduce((a, b) => a + b ** p, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(Math.abs(power(2) - 1)).toBeLessThan(0.03);
    expect(Math.abs(power(4) - 3)).toBeLessThan(0.2);
  });

  it('shuffle without losing anything', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.integer(), (list, seed) => {
        const shuffled = new Random(seed).shuffle([...list]);
        expect(shuffled.sort((a, b) => a - b)).toEqual(list.sort((a, b) => a - b));
      }),
    );
  });

  it('sample without replacement', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(80), fc.integer(), (n, k, seed) => {
        const chosen = new Random(seed).sample(n, k);
        expect(chosen).toHaveLength(Math.min(n, k));
        expect(new Set(chosen).size).toBe(chosen.length);
        expect(chosen.every((i, at) => i >= 0 && i < n && (at === 0 || chosen[at - 1]! < i))).toBe(
          true,
        );
      }),
    );
  });
});
