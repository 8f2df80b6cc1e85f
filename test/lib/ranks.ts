/** How alike two lists order the same things. The bench uses it too. */

/** Ranks, ties sharing their mean. */
function ranks(values: readonly number[]): number[] {
  return values.map((v) => {
    const below = values.filter((o) => o < v).length;
    const same = values.filter((o) => o === v).length;
    return below + (same - 1) / 2;
  });
}

/** Spearman's rank correlation. */
export function spearman(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [ranks(a), ranks(b)];
  const middle = (a.length - 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [p, q] = [x[i]! - middle, y[i]! - middle];
    xy += p * q;
    xx += p * p;
    yy += q * q;
  }
  return xy / Math.sqrt(xx * yy);
}
