import { channelLayout, roundHalfEven } from '../../numeric';

/** What a halved scale still has to hold. */
export interface ScaleLimits {
  /** Largest code of a weight. */
  top: number;
  /** Smallest scale with which the bias of a channel fits into its type. */
  least: (channel: number) => number;
}

/**
 * Halves power-of-two scales, in place, where clipping the few largest weights costs less (squared error over the channel)
 * than rounding all of them twice as coarsely.
 * @param scales one for every channel along the axis
 */
export function halveScales(
  values: Float32Array,
  dims: readonly number[],
  axis: number,
  scales: Float32Array,
  { top, least }: ScaleLimits,
): void {
  const { outer, channels, inner } = channelLayout(dims, axis);
  const error = (channel: number, scale: number): number => {
    let sum = 0;
    for (let o = 0; o < outer; o++)
      for (let i = 0, at = (o * channels + channel) * inner; i < inner; i++, at++) {
        const code = Math.max(-top, Math.min(top, roundHalfEven(values[at]! / scale)));
        sum += (values[at]! - code * scale) ** 2;
      }
    return sum;
  };
  for (let c = 0; c < scales.length; c++) {
    const half = scales[c]! / 2;
    if (half >= least(c) && error(c, half) < error(c, scales[c]!)) scales[c] = half;
  }
}
