import { blockCost, usableScale, type BlockParams } from './block-params';
import { roundHalfEven } from './round';

/** Constants of the reference implementation (github.com/mobiusml/hqq, `optimize_weights_proximal_legacy`). */
const NORM = 0.7;
const FIRST_BETA = 10;
const GROWTH = 1.01;
const STEPS = 20;

/**
 * Half-quadratic quantization (H. Badri, A. Shaji: “Half-Quadratic Quantization of Large Machine Learning Models”,
 * 2023): minimizes |x − x̂|ᵖ with p = 0.7, whose tails are those of real weights, by turns.
 * 1. x̂ from the codes; the error that is kept is `shrink(x − x̂)`, the proximal operator of the norm.
 * 2. The zero point becomes the mean of `code − (x − error) / scale`.
 *
 * Two things differ from the paper, because the operators' zero points are whole numbers: errors are measured in steps
 * of the scale, and after every turn the scale is fitted to the codes by least squares. The turn that costs least is
 * taken, the start among them.
 */
export function hqq(
  values: Float32Array,
  count: number,
  start: BlockParams,
  bits: 4 | 8,
): BlockParams {
  const top = 2 ** bits - 1;
  let best = start;
  let least = blockCost(values, count, start, bits);
  let { scale, zero } = start;
  let beta = FIRST_BETA;
  for (let step = 0; step < STEPS && least > 0; step++, beta *= GROWTH) {
    const whole = clamp(roundHalfEven(zero), top);
    let [shift, above, below] = [0, 0, 0];
    for (let i = 0; i < count; i++) {
      const x = values[i]!;
      const steps = x / scale;
      const q = clamp(roundHalfEven(steps + zero), top);
      shift += q - (steps - shrink(steps - (q - zero), beta));
      above += x * (q - whole);
      below += (q - whole) ** 2;
    }
    const fitted = { scale: usableScale(below > 0 ? above / below : scale), zero: whole };
    const error = blockCost(values, count, fitted, bits);
    if (error < least) [best, least] = [fitted, error];
    scale = fitted.scale;
    zero = shift / count;
  }
  return best;
}

const clamp = (x: number, top: number) => (x < 0 ? 0 : x > top ? top : x);

/** Proximal operator of |·|ᵖ: `sign(x) · max(0, |x| − |x|^(p−1) / β)`. */
function shrink(x: number, beta: number): number {
  const size = Math.abs(x);
  if (size === 0) return 0;
  return Math.sign(x) * Math.max(0, size - size ** (NORM - 1) / beta);
}
