/** Plans of mixed precision in the inspector's table: which are shown, in what order, and which is in the recipe. */
import { describe, expect, it } from 'vitest';
import { named, planRows, wideInFloat } from '../../webview/logic/plans';
import { mixed } from './harness/mixed';

const sizes = (rows: ReturnType<typeof planRows>) => rows.map(({ plan }) => plan.choices.length);

describe('plans of mixed precision', () => {
  it('stand by number of layers, one of them recommended', () => {
    const rows = planRows(mixed(true), []);
    expect(sizes(rows)).toEqual([0, 1, 2, 3, 4, 8]);
    expect(rows.filter((row) => row.recommended).map(({ plan }) => plan.choices.length)).toEqual([
      3,
    ]);
  });

  it('are left out where another beats them and they are the best of no size', () => {
    const result = mixed(true);
    result.plans[4] = { ...result.plans[4]!, best: false, pareto: false };
    result.plans[0] = { ...result.plans[0]!, best: false, pareto: false };
    expect(sizes(planRows(result, []))).toEqual([0, 1, 2, 3, 8]);
  });

  it.each([
    [[], 0],
    [['conv_dw_3'], 1],
    [['conv_pw_4', 'conv_dw_3', 'conv_pw_11', 'mine'], 3],
    [['mine'], 0],
  ])('know which of them is in the recipe: %j', (kept, size) => {
    const now = planRows(mixed(true), kept).filter((row) => row.inRecipe);
    expect(now.map(({ plan }) => plan.choices.length)).toEqual([size]);
  });

  it('are none of them in a recipe that has a part of one', () => {
    expect(planRows(mixed(true), ['conv_pw_11']).some((row) => row.inRecipe)).toBe(false);
  });

  it('say which 16-bit layers run in float', () => {
    const [, , wide] = mixed(true).plans;
    expect(named(wide!.choices, 'int16')).toEqual(['conv_pw_4']);
    expect(wideInFloat(wide!)).toEqual(['conv_pw_4']);
    expect(wideInFloat({ ...wide!, executed: { conv_pw_4: 'int16' } })).toEqual([]);
    expect(wideInFloat({ ...wide!, executed: {} })).toEqual([]);
  });
});
