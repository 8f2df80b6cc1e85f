import type { RangeSummary } from '../../src/protocol';

/** The real values that a tensor's integer codes stand for. */
export interface Codes {
  low: number;
  high: number;
  scale: number;
  /** Smallest and largest code. */
  first: number;
  last: number;
}

/** Ends of the quantized range: `s · (q − z)` at the smallest and the largest code; null if not quantized. */
export function codesOf(range: Pick<RangeSummary, 'scale' | 'zeroPoint' | 'type'>): Codes | null {
  const { scale, type } = range;
  if (scale === null || type === null) return null;
  const zero = range.zeroPoint ?? 0;
  const [first, last] = type === 'uint8' ? [0, 255] : [-128, 127];
  return { low: scale * (first - zero), high: scale * (last - zero), scale, first, last };
}
