/**
 * P(X ≤ k) for the number of heads X in n throws of a fair coin; 0 for k < 0. Exact to rounding: the terms are summed from
 * their logarithms, which do not overflow.
 */
export function fairBinomialCdf(k: number, n: number): number {
  if (k < 0) return 0;
  if (k >= n) return 1;
  let log = -n * Math.LN2;
  let sum = Math.exp(log);
  for (let i = 1; i <= k; i++) {
    log += Math.log((n - i + 1) / i);
    sum += Math.exp(log);
  }
  return Math.min(1, sum);
}

/** A median with the interval that its order statistics give. */
export interface MedianInterval {
  value: number;
  low: number;
  high: number;
}

/**
 * The median with its distribution-free interval: the k-th smallest and k-th largest value, where k is the largest for
 * which fewer than k heads in n throws are rarer than (1 − level)/2 (the sign test: Conover, *Practical Nonparametric
 * Statistics*, 3rd ed., 3.2). Where so few values give no such interval (fewer than 6 at 95 %) it is their whole span. NaN if empty.
 */
export function medianInterval(values: ArrayLike<number>, level = 0.95): MedianInterval {
  const sorted = Float64Array.from(values).sort();
  const n = sorted.length;
  if (n === 0) return { value: NaN, low: NaN, high: NaN };
  const value = (sorted[(n - 1) >> 1]! + sorted[n >> 1]!) / 2;
  const tail = (1 - level) / 2;
  let k = 1;
  let log = -n * Math.LN2;
  let below = Math.exp(log);
  while (2 * k < n) {
    log += Math.log((n - k + 1) / k);
    if (below + Math.exp(log) > tail) break;
    below += Math.exp(log);
    k++;
  }
  return { value, low: sorted[k - 1]!, high: sorted[n - k]! };
}
