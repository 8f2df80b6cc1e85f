import { describe, expect, test } from 'vitest';
import { sortChannels, worstChannels } from '../../webview/logic/channels';
import { operators } from '../../webview/logic/operators';
import { jumps, ticks } from '../../webview/logic/profile';
import { codesOf } from '../../webview/logic/quantized';
import { joinRows } from '../../webview/logic/rows';
import { states } from './harness/states';

describe('channels', () => {
  test('are sorted by magnitude and keep their names', () => {
    const sorted = sortChannels([-5, 0, -1], [1, 2, 0.5]);
    expect(sorted.map((c) => c.channel)).toEqual([2, 1, 0]);
  });

  test('far ones are outliers, a spread alone is not', () => {
    const even = Array.from({ length: 32 }, (_, i) => 1 + i / 10);
    const find = (max: number[]) =>
      sortChannels(
        max.map(() => 0),
        max,
      )
        .filter((c) => c.outlier)
        .map((c) => c.channel);
    expect(find(even)).toEqual([]);
    expect(find([...even, 76])).toEqual([32]);
    expect(find([1, 1, 1, 1])).toEqual([]);
    expect(find([0, 0, 0])).toEqual([]);
    expect(find([])).toEqual([]);
  });

  test('the worst come first', () => {
    expect(worstChannels([30, 12, NaN, 18, 40], 2)).toEqual([
      { channel: 1, db: 12 },
      { channel: 3, db: 18 },
    ]);
  });
});

describe('the profile', () => {
  const state = states.done?.();
  const rows = joinRows(state?.summary ?? null, state?.result ?? null, []);

  test('names the largest drops', () => {
    expect(jumps(rows).map((jump) => jump.name)).toEqual(['conv_pw_13', 'conv_pw_1', 'conv_pw_2']);
    expect(jumps(rows)[0]?.drop).toBeCloseTo(11.2, 6);
  });

  test('has none where nothing was measured', () => {
    expect(jumps(joinRows(state?.summary ?? null, null, []))).toEqual([]);
  });

  test('ticks are round', () => {
    expect(ticks(6, 47)).toEqual([10, 20, 30, 40]);
    expect(ticks(-3, 9)).toEqual([-2, 0, 2, 4, 6, 8]);
  });
});

test('codes stand for a range', () => {
  const range = { scale: 6 / 255, zeroPoint: 0, type: 'uint8' as const };
  expect(codesOf(range)).toMatchObject({ low: 0, first: 0, last: 255 });
  expect(codesOf(range)?.high).toBeCloseTo(6, 12);
  expect(codesOf({ scale: 0.5, zeroPoint: 0, type: 'int8' })).toMatchObject({
    low: -64,
    high: 63.5,
  });
  expect(codesOf({ scale: null, zeroPoint: null, type: null })).toBeNull();
});

test('operators by their share of the work', () => {
  const state = states.empty?.();
  const all = operators(joinRows(state?.summary ?? null, null, []));
  expect(all).toHaveLength(1);
  expect(all[0]).toMatchObject({ op: 'Conv', layers: 28 });
});
