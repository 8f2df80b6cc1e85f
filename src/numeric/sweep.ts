import { channelLayout } from './channels';
import { Moments } from './moments';

/** What one pass over a tensor finds. */
export interface Sweep {
  moments: Moments;
  /** Extremes of every channel; null without a channel axis. */
  channels: { min: Float32Array; max: Float32Array } | null;
}

/**
 * Moments and the extremes of every channel in one pass; sums are in doubles, the spread relative to the first value, so
 * that a large mean does not cost digits. Tensors that hold a NaN or an infinity take the careful way of
 * {@link Moments}. @param into extremes to continue with
 * @throws RangeError if `dims` and `axis` do not fit
 */
export function sweep(
  values: Float32Array,
  dims: readonly number[],
  axis: number | null,
  into?: { min: Float32Array; max: Float32Array },
): Sweep {
  const { outer, channels, inner } =
    axis === null ? { outer: 1, channels: 1, inner: values.length } : channelLayout(dims, axis);
  const min = into?.min ?? new Float32Array(channels).fill(Infinity);
  const max = into?.max ?? new Float32Array(channels).fill(-Infinity);
  const origin = values[0] ?? 0;
  let [sum, squares, lowest, highest] = [0, 0, Infinity, -Infinity];
  let at = 0;
  for (let o = 0; o < outer; o++)
    for (let c = 0; c < channels; c++) {
      let [low, high, part, square] = [Infinity, -Infinity, 0, 0];
      for (const end = at + inner; at < end; at++) {
        const x = values[at]!;
        const d = x - origin;
        part += d;
        square += d * d;
        if (x < low) low = x;
        if (x > high) high = x;
      }
      sum += part;
      squares += square;
      if (low < min[c]!) min[c] = low + 0;
      if (high > max[c]!) max[c] = high + 0;
      if (low < lowest) lowest = low;
      if (high > highest) highest = high;
    }
  const moments = new Moments();
  // One NaN or infinity anywhere makes the sum of squares not finite.
  if (!Number.isFinite(squares)) moments.add(values);
  else if (values.length > 0)
    moments.merge({
      count: values.length,
      mean: origin + sum / values.length,
      m2: Math.max(0, squares - (sum * sum) / values.length),
      min: lowest + 0,
      max: highest + 0,
      nan: 0,
      infinite: 0,
    });
  return { moments, channels: axis === null ? null : { min, max } };
}
