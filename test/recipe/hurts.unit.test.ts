import { describe, expect, it } from 'vitest';
import { hurtDiagnostics, hurtingLayers } from '../../src/recipe/hurts';
import { parseRecipe } from '../../src/recipe/parse';
import type { LayerResult, RunResult } from '../../src/results';

function result(rows: (Partial<LayerResult> & { name: string })[]): RunResult {
  const layers = rows.map((row) => ({
    op: 'Conv',
    hurts: true,
    costsDb: null,
    noiseShare: null,
    ...row,
  }));
  return { layers } as unknown as RunResult;
}

const measured = result([
  { name: '/a', costsDb: 2, noiseShare: 0.5 },
  { name: '/b', costsDb: 11.24, noiseShare: 0.3 },
  { name: '/c', costsDb: 20, hurts: false },
]);

function found(text: string, of = measured): string[] {
  return hurtDiagnostics(parseRecipe(text, 'a'), of).map(
    ({ code, severity, line, column, layer }) => `${line}:${column} ${severity} ${code} ${layer}`,
  );
}

describe('hurtDiagnostics', () => {
  it.each([
    ['model: m\nkeep_fp32: []\nquantization: {}', '2:1'],
    ['model: m\nkeep_fp32:\nquantization: {}', '2:1'],
    ['model: m\nquantization: {}', '2:1'],
    ['model: m', '1:1'],
    ['', '1:1'],
  ])('stands on the best line of %j, worst first', (text, place) => {
    expect(found(text)).toEqual([`${place} warning hurts /b`, `${place} warning hurts /a`]);
  });

  it('is silent about layers that are kept', () => {
    expect(found('model: m\nkeep_fp32: [/b]')).toEqual(['2:1 warning hurts /a']);
    expect(found('model: m\nkeep_fp32: [{ op: Conv }]')).toEqual([]);
    expect(found('model: m\nlayers: [{ match: /a, precision: fp32 }]')).toEqual([
      '1:1 warning hurts /b',
    ]);
  });

  it('knows layers by the names of nodes in them', () => {
    const parse = parseRecipe('keep_fp32: [/bn]', 'a');
    const layers = [
      { name: '/a', op: 'Conv', absorbed: ['/bn'] },
      { name: '/b', op: 'Conv' },
    ];
    expect(hurtDiagnostics(parse, measured, layers).map(({ layer }) => layer)).toEqual(['/b']);
  });

  it('goes by the noise where the cost was not measured of all', () => {
    const partly = result([
      { name: '/a', costsDb: 3, noiseShare: 0.2 },
      { name: '/b', noiseShare: 0.44 },
      { name: '/d', noiseShare: 0.12, noiseShareBy: 'two-pass' },
      { name: '/c' },
    ]);
    expect(hurtingLayers(partly).map(({ name }) => name)).toEqual(['/b', '/a', '/d', '/c']);
    const messages = hurtDiagnostics(parseRecipe('model: m', 'a'), partly).map(
      ({ message }) => message,
    );
    expect(messages[0]).toContain('44');
    expect(messages[0]).not.toContain('estimate');
    expect(messages[1]).toContain('3.0');
    expect(messages[2]).toContain('about 12 % of the noise at the output (estimate: two-pass)');
    expect(new Set(messages).size).toBe(4);
  });
});
