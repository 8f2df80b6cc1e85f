/** The search for plans: that it finds pairs, takes back what is not needed, ends, and never tries a plan twice. */
import { describe, expect, it } from 'vitest';
import type { LayerNoise } from '../../src/analyze/mixed-precision';
import { nextGroups, noiseSum, withoutOne } from '../../src/analyze/mixed-precision';
import { bestBySize, searchPlans, type Found } from '../../src/analyze/plan-search';
import type { PlannedLayer } from '../../src/results-mixed';

const layer = (
  name: string,
  weights: number,
  inputs = 0,
  givenBy: (string | null)[] = [null],
): LayerNoise => ({ layer: name, weights, inputs, givenBy, wide: false, takes: [], stays: 1 });
const keep = (name: string): PlannedLayer => ({ layer: name, precision: 'float32' });
const names = (choices: readonly PlannedLayer[]) => choices.map((c) => c.layer).sort();

/** Searches where a set of layers leaves the noise that `noise` says. */
async function search(
  layers: readonly LayerNoise[],
  noise: (kept: ReadonlySet<string>) => number,
  {
    most = 8,
    runs,
    first = [] as string[],
  }: { most?: number; runs?: number; first?: string[] } = {},
) {
  const asked: string[] = [];
  const start: Found<null>[] = [
    { choices: first.map(keep), expected: null, noise: noise(new Set(first)), value: null },
  ];
  const result = await searchPlans(layers, start, {
    most,
    run: (choices) => {
      const kept = names(choices);
      asked.push(kept.join('+'));
      return Promise.resolve({ noise: noise(new Set(kept)), value: null });
    },
    ...(runs === undefined ? {} : { runs: () => runs }),
  });
  return { ...result, asked, best: bestBySize(result.found) };
}

/** Noise of independent layers. */
const sum = (layers: readonly LayerNoise[]) => (kept: ReadonlySet<string>) =>
  noiseSum(layers, [...kept].map(keep));

describe('the search for plans', () => {
  it('takes independent layers in the order of their noise', async () => {
    const layers = [layer('a', 1), layer('b', 4), layer('c', 2), layer('d', 0.5)];
    const { best, stopped } = await search(layers, sum(layers), { runs: 4 });
    expect(best.map((p) => names(p.choices))).toEqual([[], ['b'], ['b', 'c'], ['a', 'b', 'c']]);
    expect(best.map((p) => p.noise)).toEqual([7.5, 3.5, 1.5, 0.5]);
    for (const p of best.slice(1)) expect(p.expected).toBeCloseTo(p.noise, 12);
    expect(stopped).toBe(false);
  });

  it('passes over plans that leave nothing in INT8', async () => {
    const layers = [layer('a', 3), layer('b', 2), layer('c', 1)];
    const start = [{ choices: [], expected: null, noise: 6, value: null }];
    const { found, stopped } = await searchPlans<null>(layers, start, {
      most: 8,
      run: (choices) => {
        const kept = new Set(names(choices));
        // c joins what a and b give
        if (kept.has('a') && kept.has('b')) return Promise.resolve(undefined);
        return Promise.resolve({ noise: sum(layers)(kept), value: null });
      },
    });
    expect(stopped).toBe(false);
    expect(bestBySize(found).map((p) => names(p.choices))).toEqual([[], ['a'], ['a', 'c']]);
  });

  it('finds two branches of which one alone brings nothing', async () => {
    // the codes of both branches make the noise of the layer that joins them, and one exact branch does not help it
    const layers = [
      layer('left', 0.01),
      layer('right', 0.01),
      layer('join', 0, 9, ['left', 'right']),
      ...['u', 'v', 'w', 'x', 'y', 'z'].map((n) => layer(n, 0.1)),
    ];
    const noise = (kept: ReadonlySet<string>) => {
      const joined = ['left', 'right', 'join'].every((n) => kept.has(n)) ? 0 : 9;
      return joined + 0.1 * ['u', 'v', 'w', 'x', 'y', 'z'].filter((n) => !kept.has(n)).length;
    };
    const { best } = await search(layers, noise, { most: 4, runs: 5 });
    expect(names(best.at(-1)!.choices)).toEqual(expect.arrayContaining(['join', 'left', 'right']));
    expect(best.at(-1)!.noise).toBeLessThan(1);
  });

  it('puts back a layer that is not needed beside those that came later', async () => {
    // a alone brings most, but b and c together bring all that a does
    const layers = [layer('a', 2), layer('b', 3), layer('c', 3), layer('d', 0.1)];
    const noise = (kept: ReadonlySet<string>) =>
      kept.has('b') && kept.has('c') ? 0.5 : kept.has('a') ? 2 : 8 - Number(kept.has('b'));
    const { asked, best } = await search(layers, noise, { most: 3, runs: 1 });
    expect(asked).toContain('b+c');
    expect(best.find((p) => p.choices.length === 2)!.noise).toBe(0.5);
  });

  it('goes on behind a size that brings nothing, runs no plan twice, and ends where nothing comes', async () => {
    const layers = 'abcdefgh'.split('').map((n) => layer(n, 1));
    const { asked, best } = await search(layers, () => 8, { most: 7 });
    expect(new Set(asked).size).toBe(asked.length);
    expect(Math.max(...asked.map((a) => a.split('+').length))).toBe(3);
    expect(best).toHaveLength(1);
  });

  it('keeps out of INT8 what it begins with, and counts it', async () => {
    const layers = [layer('slow', 0.1), layer('a', 4), layer('b', 2), layer('c', 1)];
    const { asked } = await search(layers, sum(layers), { most: 3, first: ['slow'] });
    expect(asked.length).toBeGreaterThan(2);
    for (const plan of asked) expect(plan.split('+')).toContain('slow');
    expect(Math.max(...asked.map((a) => a.split('+').length))).toBe(3);
  });

  it('says when the time was over, with what there is', async () => {
    const layers = [layer('a', 4), layer('b', 2), layer('c', 1)];
    const start = [{ choices: [], expected: null, noise: 7, value: null }];
    const { found, stopped } = await searchPlans(layers, start, {
      most: 2,
      run: () => Promise.resolve(null),
    });
    expect(stopped).toBe(true);
    expect(found).toEqual(start);
  });
});

describe('groups', () => {
  const layers = [layer('a', 1), layer('b', 1), layer('add', 0, 8, ['a', 'b']), layer('far', 3)];

  it('are layers that free an input together', () => {
    const [most, ...others] = nextGroups(layers, [], 13, 3);
    expect(names(most!.added)).toEqual(['a', 'add', 'b']);
    expect(most!.expected).toBe(3);
    // givers alone leave the noise of the layer that reads them, and far has no partner
    expect(others.every((g) => !names(g.added).includes('far'))).toBe(true);
  });

  it('have no more layers than there is room for, and none that is out already', () => {
    expect(nextGroups(layers, [], 13, 2).every((g) => g.added.length <= 2)).toBe(true);
    expect(nextGroups(layers, [keep('a')], 12, 3).map((g) => names(g.added))).toEqual([
      ['add', 'b'],
    ]);
  });

  it('and steps back are expected by what was measured of their plan', () => {
    expect(withoutOne(layers, [keep('a'), keep('far')], 18)).toEqual([
      { choices: [keep('far')], expected: 20 },
      { choices: [keep('a')], expected: 24 },
    ]);
  });
});
