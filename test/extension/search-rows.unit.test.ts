import { describe, expect, it } from 'vitest';
import { searchRows } from '../../src/extension/commands/searchRows';
import { describeRecipe } from '../../src/extension/language/describe';
import { runResult } from '../fixtures/result';
import { search } from '../fixtures/search';

const result = runResult();
const found = search(result, { ...result.latency!, speedup: 1.9 });

describe('what a search offers to write', () => {
  it('is the winner first, then the faster before the slower, and nothing that was not measured', () => {
    const rows = searchRows(found);
    expect(rows.map(({ label }) => label)).toEqual([
      'static, observer mse',
      'static',
      'FP32',
      'dynamic',
    ]);
    expect(rows[0]).toMatchObject({ wins: true, detail: found.reason });
    expect(rows[0]!.figures).toMatch(/1\.90 × .*21\.1 dB/);
    expect(rows[3]!.detail).toMatch(/not faster/);
  });

  it('FP32 can win', () => {
    const tries = found.tries.map((one) => ({ ...one, state: 'kept' as const }));
    const [first] = searchRows({ ...found, tries, chosen: null });
    expect(first).toMatchObject({ label: 'FP32', candidate: null, wins: true });
  });
});

describe('a recipe that says quantization: auto', () => {
  const text = 'model: net.onnx\nquantization: auto\n';
  const state = (recipe: string) =>
    describeRecipe('net.quant.yaml', '/m/net.quant.yaml', recipe, {
      summary: null,
      ranText: null,
      result: { ...result, search: found },
    });

  it('is no newer than the result that was searched for, whatever that keeps in FP32', () => {
    expect(state(text)).toMatchObject({ mode: 'auto', dirtySinceResult: false });
    expect(state(text.replace('auto', '{ mode: auto }')).dirtySinceResult).toBe(true);
  });
});
