import { describe, expect, it } from 'vitest';
import { fillMatch, fillNoise, fillSensitivity, noteShares } from '../../src/jobs/fill';
import type { LayerResult, RunResult } from '../../src/results';

const layers = (...names: string[]) =>
  ({
    layers: names.map((name) => ({ name, precision: 'int8', executed: 'int8' }) as LayerResult),
  }) as RunResult;
const noise = (of: Record<string, number>) =>
  new Map(Object.entries(of).map(([name, n]) => [name, { noise: { signal: 1, noise: n } }]));

describe('layers that were found again', () => {
  it('are counted, and the others told by name', () => {
    const result = { ...layers('a', 'b', 'c', 'd', 'e'), notes: [] } as RunResult;
    fillMatch(result, new Map(Object.entries({ a: 1, b: 2, c: 3, d: 4, e: 5 })));
    expect(result.layerMatch).toEqual({ found: 5, of: 5, unmatched: [] });
    expect(result.notes).toEqual([]);
    fillMatch(result, new Map([['b', 1]]));
    expect(result.layerMatch).toEqual({ found: 1, of: 5, unmatched: ['a', 'c', 'd', 'e'] });
    expect(result.notes).toEqual([
      expect.objectContaining({ code: 'layers-unmatched', severity: 'warning', layer: 'a' }),
    ]);
    expect(result.notes[0]!.message).toMatch(/^4 of 5 layers .* 'a', 'c', 'd' and 1 more\.$/);
  });
});

describe('layers that hurt', () => {
  it('are those that make the noise', () => {
    const result = layers('a', 'b', 'c');
    fillSensitivity(result, noise({ a: 1e-3, b: 1e-5, c: 1e-3 }), null);
    expect(result.layers.filter((l) => l.hurts).map((l) => l.name)).toEqual(['a', 'c']);
    expect(result.layers[0]!.noiseShare).toBeCloseTo(0.4975, 4);
  });

  it('are none that the model is further off without', () => {
    const result = layers('a', 'b', 'c');
    const costs = new Map(Object.entries({ a: 1.5, b: -3 }));
    fillSensitivity(result, noise({ a: 1e-3, b: 1e-3, c: 1e-3 }), costs);
    expect(result.layers.filter((l) => l.hurts).map((l) => l.name)).toEqual(['a', 'c']);
  });

  it('have the noise of their result, too, where that is their own', () => {
    const result = layers('a', 'b');
    const ownResult = { expectedDb: 20, twoPassDb: null, onlyThisDb: null };
    Object.assign(result.layers[0]!, { expectedDb: 30, twoPassDb: 30, ownResult });
    Object.assign(result.layers[1]!, { expectedDb: 30, twoPassDb: 30 });
    fillNoise(result);
    // two passes do not know all of it
    expect(result.layers.map((l) => l.noiseShareBy)).toEqual(['analytic', 'analytic']);
    expect(result.layers[0]!.noiseShare).toBeCloseTo(0.011 / 0.012, 9);
    fillSensitivity(result, noise({ a: 1e-3, 'a (result)': 3e-3, b: 1e-3 }), null);
    expect(result.layers.map((l) => l.noiseShare)).toEqual([0.8, 0.2]);
    expect(result.layers[0]!.ownResult!.onlyThisDb).toBeCloseTo(25.23, 2);
    expect(result.layers[0]!.onlyThisDb).toBeCloseTo(30, 9);
  });

  const by = (result: RunResult) => result.layers.map((l) => l.noiseShareBy);
  /** Decibels alone as estimates give them. */
  const estimated = (of: Record<string, Partial<LayerResult>>) => {
    const result = { ...layers(...Object.keys(of)), notes: [] } as RunResult;
    for (const layer of result.layers) Object.assign(layer, of[layer.name]);
    return result;
  };

  it('are told by the best stage that knows every layer, and say by which', () => {
    const result = estimated({
      a: { expectedDb: 20, twoPassDb: 30 },
      b: { expectedDb: 30, twoPassDb: 30 },
      c: { expectedDb: 60, twoPassDb: null },
    });
    fillNoise(result);
    expect(by(result)).toEqual(['analytic', 'analytic', 'analytic']);
    expect(result.layers.map((l) => l.hurts)).toEqual([true, true, false]);
    expect(result.layers[0]!.noiseShare).toBeCloseTo(10 / 11.001, 6);
    result.layers[2]!.twoPassDb = 30;
    fillNoise(result);
    expect(by(result)).toEqual(['two-pass', 'two-pass', 'two-pass']);
    expect(result.layers[2]!.noiseShare).toBeCloseTo(1 / 3, 9);
    // two of three that were run are no whole
    fillSensitivity(result, noise({ a: 1e-3, b: 1e-5 }), null);
    expect(by(result)).toEqual(['two-pass', 'two-pass', 'two-pass']);
    expect(result.layers.map((l) => l.onlyThisDb)).toEqual([30, 50, null]);
    fillSensitivity(result, noise({ a: 1e-3, b: 1e-5, c: 1e-5 }), null);
    expect(by(result)).toEqual(['exact', 'exact', 'exact']);
    expect(result.layers.map((l) => l.hurts)).toEqual([true, false, false]);
    noteShares(result);
    expect(result.notes).toEqual([]);
  });

  it('are those of the layers that are known where no stage knows all, and that is noted', () => {
    const result = estimated({ a: {}, b: {}, c: {} });
    fillSensitivity(result, noise({ a: 3e-3, c: 1e-3 }), null);
    expect(by(result)).toEqual(['exact', null, 'exact']);
    expect(result.layers.map((l) => l.noiseShare)).toEqual([0.75, null, 0.25]);
    noteShares(result);
    expect(result.notes).toEqual([
      expect.objectContaining({ code: 'shares-of-some', severity: 'info' }),
    ]);
    expect(result.notes[0]!.message).toContain('2 of 3 layers');
  });

  it('are none where nothing is known', () => {
    const result = estimated({ a: {}, b: {} });
    fillNoise(result);
    expect(by(result)).toEqual([null, null]);
    expect(result.layers.some((l) => l.hurts)).toBe(false);
  });

  it('are none where the noise is the rounding of float32 itself', () => {
    const result = layers('a', 'b');
    fillSensitivity(result, noise({ a: 1e-13, b: 0 }), null);
    expect(result.layers.some((l) => l.hurts)).toBe(false);
  });
});
