/** How near a channel's range is to its tensor's. */
import { describe, expect, it } from 'vitest';
import { channelParams } from '../../src/quantize/channelwise';
import { TensorStatistics } from '../../src/quantize/statistics';

const WHOLE = { scale: 4 / 255, zeroPoint: 128 };

/** Statistics of samples whose second channel is a twentieth of the first. */
function seen(samples: number, positions: number): TensorStatistics {
  const statistics = new TensorStatistics('y');
  for (let s = 0; s < samples; s++) {
    const data = new Float32Array(2 * positions);
    for (let i = 0; i < positions; i++) data[i] = i % 2 === 0 ? -2 : 2;
    for (let i = 0; i < positions; i++) data[positions + i] = i % 2 === 0 ? -0.1 : 0.1;
    statistics.add({ type: 'float32', dims: [1, 2, 1, positions], data });
  }
  return statistics;
}

const narrow = (samples: number, positions: number) =>
  channelParams(seen(samples, positions), WHOLE, 'uint8')?.[1]?.scale;

describe('scales of channels', () => {
  it('do not depend on how many samples there were', () => {
    for (const positions of [251, 4096]) {
      const scales = [1, 260, 263, 600].map((samples) => narrow(samples, positions));
      expect(new Set(scales).size).toBe(1);
    }
    expect(narrow(600, 251)).toBeUndefined(); // one scale for all
  });

  it('come nearer to the channel the more of it each sample shows', () => {
    const scales = [2048, 4096, 8192, 50176].map((positions) => narrow(2, positions)!);
    expect(scales).toEqual([...scales].sort((a, b) => b - a));
    expect(scales[0]! / WHOLE.scale).toBeCloseTo(Math.sqrt(1 / 20), 2); // half of the way
    expect(scales.at(-1)! / WHOLE.scale).toBeCloseTo(1 / 20, 3);
  });

  it('stay inside the range of the tensor', () => {
    for (const positions of [2048, 8192, 50176])
      for (const { scale } of channelParams(seen(3, positions), WHOLE, 'uint8')!)
        expect(scale).toBeLessThanOrEqual(WHOLE.scale * 1.005);
  });
});
