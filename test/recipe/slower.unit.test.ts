import { describe, expect, it } from 'vitest';
import { parseRecipe } from '../../src/recipe/parse';
import { slowerDiagnostics } from '../../src/recipe/slower';
import type { RunResult } from '../../src/results';

function result(fixes: { layers: string[]; savesMs: number }[] | null): RunResult {
  const layers = ['/a', '/b', '/c', '/d', '/e', '/f', '/g'].map((name) => ({ name, op: 'Conv' }));
  return {
    layers,
    latency: fixes && { profile: { fixes } },
  } as unknown as RunResult;
}
const slow = result([
  { layers: ['/b', '/c'], savesMs: 0.12345 },
  { layers: ['/a'], savesMs: 0.01 },
]);
const found = (text: string, of = slow) =>
  slowerDiagnostics(parseRecipe(text, 'a'), of).map(
    ({ code, severity, line, layers, message }) =>
      `${line} ${severity} ${code} ${layers?.join()}: ${message}`,
  );

describe('slowerDiagnostics', () => {
  it('tells of layers that got slower, the most to save first', () => {
    expect(found('model: m\nkeep_fp32: []')).toEqual([
      '2 info slower /b,/c: `/b` + `/c` take 0.123 ms longer than in FP32.',
      '2 info slower /a: `/a` takes 0.01 ms longer than in FP32.',
    ]);
    expect(found('model: m\nquantization: {}')[0]).toMatch(/^2 info/);
  });

  it('is silent about those that are kept, and where nothing was timed', () => {
    expect(found('model: m\nkeep_fp32: [/b, /c]')).toHaveLength(1);
    expect(found('model: m\nkeep_fp32: [/b]')).toHaveLength(2);
    expect(found('model: m\nkeep_fp32: [{ op: Conv }]')).toEqual([]);
    expect(found('model: m', result(null))).toEqual([]);
    expect(found('model: m', { ...slow, latency: { profile: null } } as RunResult)).toEqual([]);
  });

  it('tells of five at most', () => {
    const all = ['/a', '/b', '/c', '/d', '/e', '/f'].map((n) => ({ layers: [n], savesMs: 1 }));
    expect(found('model: m', result(all))).toHaveLength(5);
  });
});
