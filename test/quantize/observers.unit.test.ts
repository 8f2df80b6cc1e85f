/** Observers against the same computation over all values, on distributions that activations have. */
import { describe, expect, it } from 'vitest';
import {
  binsOf,
  chooseParams,
  expectedSquaredError,
  fakeQuantize,
  Random,
  type QuantParams,
  type QuantType,
} from '../../src/numeric';
import { OBSERVERS, observe, observeAll, percentileSweep } from '../../src/quantize/observers';
import { divergences, entropyThreshold } from '../../src/quantize/observers/entropy';
import { leastErrorRange } from '../../src/quantize/observers/mse';
import type { Range } from '../../src/quantize/observers/observer';
import { TensorStatistics } from '../../src/quantize/statistics';
import type { ObserverName } from '../../src/results';

const COUNT = 100_000;
const settings = { type: 'uint8', percentile: 99.99 } as const;

type Draw = () => number;

function draw(seed: number, value: (normal: Draw, uniform: Draw) => number): Float32Array {
  const source = new Random(seed);
  const [normal, uniform] = [() => source.normal(), () => source.uniform()];
  return Float32Array.from({ length: COUNT }, () => value(normal, uniform));
}

const spread: Record<string, Float32Array> = {
  normal: draw(1, (normal) => normal()),
  'shifted normal': draw(2, (normal) => 5 + normal()),
  'heavy tails': draw(3, (_, uniform) => {
    const u = uniform() - 0.5;
    return -Math.sign(u) * Math.log(1 - 2 * Math.abs(u)) * (1 + 4 * Math.abs(u));
  }),
  relu: draw(4, (normal) => Math.max(0, normal())),
  relu6: draw(5, (normal) => Math.min(6, Math.max(0, 3 * normal()))),
  bimodal: draw(6, (normal, uniform) => (uniform() < 0.7 ? -4 + 0.5 * normal() : 9 + normal())),
  negative: draw(7, (normal) => -Math.abs(normal())),
  // a few in a thousand are twenty times as wide
  outliers: draw(8, (normal, uniform) => (uniform() < 0.003 ? 20 : 1) * normal()),
  'leaky relu': draw(9, (normal) => {
    const x = normal();
    return x < 0 ? 0.01 * x : x;
  }),
};
const distributions = Object.entries(spread);

function statisticsOf(...lists: Float32Array[]): TensorStatistics {
  const statistics = new TensorStatistics('t');
  for (const data of lists) statistics.add({ type: 'float32', dims: [data.length], data });
  return statistics;
}

const rangeOf = (name: ObserverName, values: Float32Array) =>
  OBSERVERS[name](statisticsOf(values), settings);

function squaredError(values: Float32Array, params: QuantParams, type: QuantType): number {
  const back = fakeQuantize(values, params, type);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i]! - back[i]!) ** 2;
  return sum;
}

const errorOf = (values: Float32Array, { min, max }: Range) =>
  squaredError(values, chooseParams(min, max, 'uint8'), 'uint8');

/** Both ends within 1 % of the range as it is quantized. */
function expectSame(got: Range, wanted: Range): void {
  const width = Math.max(wanted.max, 0) - Math.min(wanted.min, 0);
  expect(Math.abs(got.min - wanted.min) / width).toBeLessThanOrEqual(0.01);
  expect(Math.abs(got.max - wanted.max) / width).toBeLessThanOrEqual(0.01);
}

describe('expectedSquaredError', () => {
  it.each(distributions)('%s', (_, values) => {
    const bins = binsOf(statisticsOf(values).histogram);
    const { min, max } = rangeOf('minmax', values);
    for (const shrink of [1, 0.7, 0.3])
      for (const type of ['uint8', 'int8', 'uint16'] as const) {
        const params = chooseParams(min * shrink, max * shrink, type);
        const ratio = expectedSquaredError(bins, params, type) / squaredError(values, params, type);
        expect(ratio).toBeGreaterThan(0.96);
        expect(ratio).toBeLessThan(1.04);
      }
  });
});

describe('percentile', () => {
  it.each(distributions)('%s: as from all values sorted', (_, values) => {
    const sorted = values.slice().sort();
    for (const share of [99, 99.9, 99.99]) {
      const cut = (1 - share / 100) / 2;
      const at = (p: number) => sorted[Math.round(p * (COUNT - 1))]!;
      expectSame(OBSERVERS.percentile(statisticsOf(values), { ...settings, percentile: share }), {
        min: at(cut),
        max: at(1 - cut),
      });
    }
  });

  it('of 100 are the extremes', () => {
    const statistics = statisticsOf(spread.normal!);
    expect(OBSERVERS.percentile(statistics, { ...settings, percentile: 100 })).toEqual(
      OBSERVERS.minmax(statistics, settings),
    );
  });

  it('are swept from the same statistics', () => {
    const swept = percentileSweep(statisticsOf(spread.outliers!), settings);
    expect(swept.map((s) => s.percentile)).toEqual([99, 99.9, 99.99, 99.999]);
    for (const [i, s] of swept.slice(1).entries()) expect(s.max).toBeGreaterThan(swept[i]!.max);
  });
});

describe('entropy', () => {
  /** `_compute_amax_entropy` of pytorch-quantization, as it stands there. */
  function peer(counts: Float64Array, levels: number): number {
    const bins = Float64Array.from(counts);
    bins[0] = bins[1]!;
    const total = bins.reduce((a, b) => a + b);
    let best = { kept: 0, divergence: Infinity };
    for (let kept = levels; kept <= bins.length; kept++) {
      const p = bins.slice(0, kept);
      if (p.reduce((a, b) => a + b) < 0.99 * total) continue;
      const q = new Float64Array(kept);
      for (let level = 0; level < levels; level++) {
        const inside = Array.from(p.keys()).filter(
          (i) => i >= (kept * level) / levels && i < (kept * (level + 1)) / levels && p[i]! > 0,
        );
        const sum = inside.reduce((s, i) => s + p[i]!, 0);
        for (const i of inside) q[i] = sum / inside.length;
      }
      const kept_ = p.reduce((a, b) => a + b);
      p[kept - 1]! += total - kept_;
      let divergence = 0;
      for (let i = 0; i < kept; i++)
        if (p[i]! > 0) divergence += (p[i]! / total) * Math.log(p[i]! / total / (q[i]! / kept_));
      if (divergence <= best.divergence) best = { kept, divergence };
    }
    return best.kept;
  }

  function magnitudes(values: Float32Array, most: number, n: number): Float64Array {
    const counts = new Float64Array(n);
    for (const x of values) counts[Math.min(n - 1, Math.floor((Math.abs(x) / most) * n))]!++;
    return counts;
  }

  it.each(distributions)('%s: the running sums are the definition', (_, values) => {
    const counts = magnitudes(values, Math.max(...values.map(Math.abs)), 96);
    expect(entropyThreshold(counts, 16)).toBe(peer(counts, 16));
  });

  // The least divergence is flat, and that of counts is noisy: what must agree is how much is lost.
  it.each(distributions)(
    '%s: loses no more than what a histogram of all values finds',
    (_, values) => {
      const { min, max } = rangeOf('minmax', values);
      const most = Math.max(-min, max);
      const levels = min < 0 && max > 0 ? 128 : 256;
      const direct = divergences(magnitudes(values, most, 2048), levels);
      const range = rangeOf('entropy', values);
      const kept = Math.round((Math.max(-range.min, range.max) / most) * 2048);
      const near = direct.subarray(Math.max(0, kept - 20), kept + 21);
      expect(Math.min(...near)).toBeLessThanOrEqual(1.05 * Math.min(...direct));
    },
  );
});

describe('mse', () => {
  it.each(distributions)('%s: as from all values', (_, values) => {
    const { min, max } = rangeOf('minmax', values);
    const direct = leastErrorRange(min, max, (range) => errorOf(values, range));
    expectSame(rangeOf('mse', values), {
      min: Math.max(min, direct.min),
      max: Math.min(max, direct.max),
    });
  });

  it.each(distributions)('%s: no pair of ends on a grid is better', (_, values) => {
    const some = values.subarray(0, 30_000);
    const { min, max } = rangeOf('minmax', some);
    const got = errorOf(some, rangeOf('mse', some));
    const parts = Array.from({ length: 25 }, (_unused, i) => (i + 1) / 25);
    let least = Infinity;
    for (const low of min < 0 ? parts : [1])
      for (const high of max > 0 ? parts : [1])
        least = Math.min(least, errorOf(some, { min: min * low, max: max * high }));
    // 0.05 dB
    expect(got).toBeLessThanOrEqual(1.012 * least);
  });
});

const all = Object.keys(OBSERVERS) as ObserverName[];
const clipping = all.filter((name) => name !== 'moving-average');

type Width = { clipped: number; width: number };

describe('every observer', () => {
  it.each(distributions)('%s: lies within min-max and holds zero exactly', (_, values) => {
    const { min, max } = rangeOf('minmax', values);
    for (const name of all) {
      const range = rangeOf(name, values);
      expect(range.min).toBeGreaterThanOrEqual(min);
      expect(range.max).toBeLessThanOrEqual(max);
      const { oddity, ...params } = observe(statisticsOf(values), name, 'uint8');
      expect(oddity).toBeNull();
      expect(fakeQuantize(Float32Array.of(0), params, 'uint8')[0]).toBe(0);
    }
  });

  it.each(distributions)('%s: two halves merged make the range of the whole', (_, values) => {
    const [a, b] = [values.subarray(0, 12_345), values.subarray(12_345)].map((half) =>
      statisticsOf(half),
    );
    a!.histogram.merge(b!.histogram);
    a!.moments.merge(b!.moments);
    for (const name of clipping)
      expect(OBSERVERS[name](a!, settings)).toEqual(rangeOf(name, values));
  });

  it.each(distributions)(
    '%s: auto is near the best where clipping counts as rounding does',
    (_, values) => {
      const seen = observeAll(statisticsOf(values), 'uint8', { clipping: 1 });
      expect(seen.map((o) => o.name)).toEqual(all);
      const best = Math.max(...seen.map((o) => o.expectedDb!));
      expect(seen.find((o) => o.name === 'auto')!.expectedDb).toBeGreaterThanOrEqual(best - 0.2);
      expect(seen.find((o) => o.name === 'mse')!.expectedDb).toBeGreaterThanOrEqual(best - 0.01);
    },
  );

  it.each(distributions)('%s: the more clipping counts, the less auto clips', (_, values) => {
    const widths = [1, 30, 1e9].map((weight) => {
      const { min, max } = OBSERVERS.auto(statisticsOf(values), { ...settings, clipping: weight });
      const clipped = values.filter((v) => v < min || v > max).length;
      return { clipped, width: max - min };
    });
    const [least, middle, most] = widths as [Width, Width, Width];
    expect(least.clipped).toBeGreaterThanOrEqual(middle.clipped);
    expect(middle.clipped).toBeGreaterThanOrEqual(most.clipped);
    // not even one value in 20,000 is worth it then; the bins are a few percent wide
    const whole = rangeOf('minmax', values);
    expect(most.width).toBeGreaterThan(0.95 * (whole.max - whole.min));
  });

  it('auto is min-max where nothing is gained, and less where one value is far out', () => {
    const even = Float32Array.from({ length: 10_000 }, (_, i) => i / 10_000);
    expect(rangeOf('auto', even)).toEqual(rangeOf('minmax', even));
    const far = Float32Array.from({ length: 100_000 }, (_, i) => (i === 0 ? 4 : Math.sin(i)));
    const rows = OBSERVERS.auto(statisticsOf(far), { ...settings, clipping: 1 });
    expect(rows.max).toBeLessThan(3.9);
    expect(rangeOf('auto', far).max).toBeGreaterThan(rows.max);
  });

  it('auto ends where nothing reads on, and weighs nothing beyond', () => {
    const values = Float32Array.from({ length: 10_000 }, (_, i) => (i - 7_000) / 100);
    const read = { min: -4, max: Infinity };
    expect(OBSERVERS.auto(statisticsOf(values), { ...settings, read })).toEqual({
      min: -4,
      max: rangeOf('minmax', values).max,
    });
    const all = { min: -Infinity, max: Infinity };
    expect(OBSERVERS.auto(statisticsOf(values), { ...settings, read: all })).toEqual(
      rangeOf('auto', values),
    );
  });

  it.each<[string, number[], string | null]>([
    ['nothing', [], 'empty'],
    ['zeros', [0, 0, 0], 'zero'],
    ['one value', [2.5, 2.5, 2.5], 'constant'],
    ['one negative value', [-2.5, -2.5], 'constant'],
    ['two values', [-1, 3], null],
    ['numbers near nothing', [1e-42, 2e-42], 'tiny'],
  ])('%s', (_, values, oddity) => {
    const statistics = statisticsOf(Float32Array.from(values));
    for (const name of all) expect(observe(statistics, name, 'uint8').oddity).toBe(oddity);
  });

  it('is not led astray by NaN and infinity', () => {
    const values = spread.normal!.slice();
    values.set([Number.NaN, Infinity, -Infinity], 100);
    for (const name of clipping) expectSame(rangeOf(name, values), rangeOf(name, spread.normal!));
  });
});
