/** 1.5·2⁵²: adding and subtracting it rounds a double of magnitude below 2⁵¹ to an integer, ties to even. */
const ROUNDER = 6755399441055744;

/** Rounds half to even, as QuantizeLinear and NumPy do; for |x| < 2⁵¹. */
export function roundHalfEven(x: number): number {
  return x + ROUNDER - ROUNDER;
}
