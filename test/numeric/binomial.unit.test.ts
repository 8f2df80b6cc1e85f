import { describe, expect, it } from 'vitest';
import { fairBinomialCdf, medianInterval } from '../../src/numeric/binomial';
import { Random } from '../../src/numeric/random';

/** By Pascal's triangle in whole numbers. */
function counted(k: number, n: number): number {
  let row = [1n];
  for (let i = 0; i < n; i++) row = [...row, 0n].map((v, j) => v + (row[j - 1] ?? 0n));
  const sum = row.slice(0, k + 1).reduce((a, b) => a + b, 0n);
  return Number((sum * 10n ** 18n) / 2n ** BigInt(n)) / 1e18;
}

describe('the fair binomial distribution', () => {
  it.each([
    [0, 1],
    [3, 10],
    [10, 20],
    [40, 100],
    [60, 100],
    [99, 100],
  ])('%i of %i is what counting gives', (k, n) => {
    expect(fairBinomialCdf(k, n)).toBeCloseTo(counted(k, n), 12);
  });

  it('has ends', () => {
    expect(fairBinomialCdf(-1, 5)).toBe(0);
    expect(fairBinomialCdf(5, 5)).toBe(1);
    expect(fairBinomialCdf(4000, 10_000)).toBeLessThan(1e-80);
    expect(fairBinomialCdf(5000, 10_000)).toBeCloseTo(0.504, 3);
  });
});

describe('the interval of a median', () => {
  // the table of Conover, A3: for n = 10 the 2nd and the 9th value, for n = 20 the 6th and the 15th
  it.each([
    [6, 1],
    [10, 2],
    [20, 6],
    [50, 18],
    [100, 40],
  ])('%i values: number %i from either end', (n, k) => {
    const { value, low, high } = medianInterval(Array.from({ length: n }, (_, i) => i + 1));
    expect([value, low, high]).toEqual([(n + 1) / 2, k, n + 1 - k]);
  });

  it('covers the truth at least as often as it says', () => {
    const random = new Random(3);
    let covered = 0;
    for (let t = 0; t < 500; t++) {
      const { low, high } = medianInterval(Array.from({ length: 31 }, () => random.normal()));
      if (low <= 0 && 0 <= high) covered++;
    }
    expect(covered).toBeGreaterThanOrEqual(470);
    expect(covered).toBeLessThan(500);
  });

  it('is the span where values are few', () => {
    expect(medianInterval([3, 1, 2])).toEqual({ value: 2, low: 1, high: 3 });
    expect(medianInterval([4])).toEqual({ value: 4, low: 4, high: 4 });
    expect(medianInterval([]).value).toBeNaN();
  });
});
