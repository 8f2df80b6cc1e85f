/** Factors are looked for between these, */
const [LEAST, MOST] = [1 / 10, 10];
/** until the sum is right within this ratio, or this many were tried. */
const NEAR = 1.02;
const TRIES = 12;

/**
 * What `noisesWith` gives for the factor with which the noises add up to `total`, at most {@link MOST} and at least
 * {@link LEAST}. The sum grows with the factor; its logarithm is nearly straight in that of the factor, so that the secant
 * finds it in a few steps.
 */
export function solveFactor<T>(
  noisesWith: (factor: number) => T,
  sumOf: (noises: T) => number,
  total: number,
): T {
  let best = noisesWith(1);
  let [x, y] = [0, Math.log(sumOf(best) / total)];
  if (!Number.isFinite(y)) return best;
  let [low, high] = [Math.log(LEAST), Math.log(MOST)];
  let slope = 1;
  for (let i = 0; i < TRIES && Math.abs(y) > Math.log(NEAR); i++) {
    if (y > 0) high = x;
    else low = x;
    let next = x - y / slope;
    if (!(next > low && next < high)) next = (low + high) / 2;
    best = noisesWith(Math.exp(next));
    const found = Math.log(sumOf(best) / total);
    if (found !== y) slope = Math.max(0.1, (found - y) / (next - x));
    [x, y] = [next, found];
  }
  return best;
}
