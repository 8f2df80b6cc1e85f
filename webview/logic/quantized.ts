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

/** Smallest and largest code of an integer type such as `uint8` or `int16`. */
function codeLimits(type: string): { first: number; last: number } {
  const codes = 2 ** Number(/\d+$/.exec(type)?.[0] ?? 8);
  return type.startsWith('u')
    ? { first: 0, last: codes - 1 }
    : { first: -codes / 2, last: codes / 2 - 1 };
}

/** Ends of the quantized range: `s · (q − z)` at the smallest and the largest code; null if not quantized. */
export function codesOf(range: Pick<RangeSummary, 'scale' | 'zeroPoint' | 'type'>): Codes | null {
  const { scale, type } = range;
  if (scale === null || type === null) return null;
  const zero = range.zeroPoint ?? 0;
  const { first, last } = codeLimits(type);
  return { low: scale * (first - zero), high: scale * (last - zero), scale, first, last };
}
