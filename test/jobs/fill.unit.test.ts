import { describe, expect, it } from 'vitest';
import { fillMatch, fillSensitivity } from '../../src/jobs/fill';
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

  it('are none where the noise is the rounding of float32 itself', () => {
    const result = layers('a', 'b');
    fillSensitivity(result, noise({ a: 1e-13, b: 0 }), null);
    expect(result.layers.some((l) => l.hurts)).toBe(false);
  });
});
