import { describe, expect, it } from 'vitest';
import { mcnemar, pairsNeeded } from '../../src/numeric/mcnemar';
import { pairedBootstrap } from '../../src/numeric/bootstrap';
import { Random } from '../../src/numeric/random';

const outcomes = (both: number, lost: number, gained: number) => {
  const rows = [
    ...Array.from({ length: both }, () => [true, true]),
    ...Array.from({ length: lost }, () => [true, false]),
    ...Array.from({ length: gained }, () => [false, true]),
  ];
  return [rows.map((r) => r[0]!), rows.map((r) => r[1]!)] as const;
};

describe("McNemar's test", () => {
  // counted in whole numbers: 2 · Σ C(lost + gained, i) / 2^(lost + gained), i up to the smaller
  it.each([
    [1, 0, 1],
    [5, 0, 0.0625],
    [6, 0, 0.03125],
    [10, 2, 0.03857422],
    [8, 3, 0.2265625],
    [25, 10, 0.0166738478],
    [4, 4, 1],
    [0, 0, 1],
  ])('%i lost, %i gained', (lost, gained, p) => {
    const [before, after] = outcomes(20, lost, gained);
    const found = mcnemar(before, after);
    expect(found).toMatchObject({ lost, gained });
    expect(found.p).toBeCloseTo(p, 7);
    expect(mcnemar(after, before).p).toBeCloseTo(p, 7);
  });

  it('wants pairs', () => {
    expect(() => mcnemar([true], [])).toThrow(RangeError);
  });
});

describe('the pairs needed', () => {
  it('are those with which the interval leaves zero four times out of five', () => {
    // a true mean of 0.2 with deviation 1: (1.96 + 0.84)²/0.04 = 197 pairs
    const random = new Random(9);
    const draw = (n: number) => Array.from({ length: n }, () => 0.2 + random.normal());
    const big = draw(200_000);
    const needed = pairsNeeded(new Float64Array(big.length), big)!;
    expect(needed).toBeGreaterThan(190);
    expect(needed).toBeLessThan(203);
    let told = 0;
    for (let t = 0; t < 300; t++) {
      const { low } = pairedBootstrap(new Float64Array(needed), draw(needed), { resamples: 400 });
      if (low > 0) told++;
    }
    expect(told / 300).toBeGreaterThan(0.72);
    expect(told / 300).toBeLessThan(0.88);
  });

  it('are none where nothing differs', () => {
    expect(pairsNeeded([1, 0], [1, 0])).toBeNull();
    expect(pairsNeeded([1], [0])).toBeNull();
    expect(pairsNeeded([1, 1, 1], [0, 0, 0])).toBe(2);
  });
});
