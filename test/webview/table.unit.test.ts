import { describe, expect, test } from 'vitest';
import { COLUMNS, columnUnit } from '../../webview/logic/columns';
import { csv } from '../../webview/logic/csv';
import { joinRows, weightSpan, type LayerRow } from '../../webview/logic/rows';
import { matches } from '../../webview/logic/search';
import { nextSort, sortRows } from '../../webview/logic/sort';
import { states } from './harness/states';

const state = (name: string) => {
  const make = states[name];
  if (!make) throw new Error(name);
  return make();
};
const rowsOf = (name: string): LayerRow[] => {
  const { summary, result, recipe } = state(name);
  return joinRows(summary, result, recipe.kept);
};
const named = (rows: readonly LayerRow[], name: string) => {
  const row = rows.find((each) => each.name === name);
  if (!row) throw new Error(name);
  return row;
};

describe('rows', () => {
  test('join what the file says with what the run found', () => {
    const row = named(rowsOf('done'), 'conv_dw_3');
    expect(row).toMatchObject({ index: 5, kept: false, pending: false, differs: false });
    expect(row).toMatchObject({ local: 18.4, accumulated: 27.4, share: 0.44, costs: 2.6 });
    expect(row.range?.tensor).toBe('conv_dw_3_relu');
    expect(row.summary?.absorbed).toEqual(['conv_dw_3_bn', 'conv_dw_3_relu']);
  });

  test('stand before anything was measured', () => {
    const row = named(rowsOf('empty'), 'conv_dw_3');
    expect(row).toMatchObject({ result: null, range: null, accumulated: null, executed: null });
    expect(row.weightSpan).toBeGreaterThan(100);
  });

  test('a layer whose recipe changed since is pending', () => {
    const rows = rowsOf('failed');
    expect(named(rows, 'conv_pw_2')).toMatchObject({ kept: true, pending: true });
    expect(named(rows, 'conv_dw_3')).toMatchObject({ kept: true, pending: false });
  });

  test('what runs in another precision than written differs', () => {
    expect(
      rowsOf('slower')
        .filter((row) => row.differs)
        .map((row) => row.name),
    ).toEqual(['conv_dw_3']);
  });

  test('layers only the result knows come last', () => {
    const { summary, result } = state('done');
    const some = summary && { ...summary, layers: summary.layers.slice(0, 2) };
    const rows = joinRows(some, result, []);
    expect(rows).toHaveLength(28);
    expect(rows[2]?.summary).toBeNull();
  });

  test('span leaves dead channels out', () => {
    expect(weightSpan([0, 2, 8])).toBe(4);
    expect(weightSpan([0, 0])).toBeNull();
    expect(weightSpan(undefined)).toBeNull();
  });
});

describe('search', () => {
  const rows = rowsOf('done');
  test.each([
    ['dw_3', ['conv_dw_3']],
    ['CONV_DW_3', ['conv_dw_3']],
    ['depthwise share>5', ['conv_dw_2', 'conv_dw_3']],
    ['acc<14', ['conv_pw_13', 'conv_preds']],
    ['costs>1', ['conv_dw_3']],
    ['stride', ['conv1']],
    ['nothing<like', []],
  ])('%s', (query, names) => {
    expect(rows.filter((row) => matches(row, query)).map((row) => row.name)).toEqual(names);
  });

  test('by precision', () => {
    const kept = rowsOf('kept');
    expect(kept.filter((row) => matches(row, 'fp32')).map((row) => row.name)).toEqual([
      'conv_dw_3',
    ]);
    expect(kept.filter((row) => matches(row, 'int8'))).toHaveLength(27);
  });
});

describe('sort', () => {
  const rows = rowsOf('done');

  test('a click sorts worst first, then the other way, then graph order', () => {
    const first = nextSort(null, 'accumulated');
    const second = nextSort(first, 'accumulated');
    expect([first, second, nextSort(second, 'accumulated')]).toEqual([
      { column: 'accumulated', descending: false },
      { column: 'accumulated', descending: true },
      null,
    ]);
    expect(nextSort(null, 'share')).toEqual({ column: 'share', descending: true });
    expect(nextSort(first, 'share')).toEqual({ column: 'share', descending: true });
  });

  test('every column sorts, keeps every row, and puts the unmeasured last', () => {
    for (const { id, by } of COLUMNS)
      for (const descending of [false, true]) {
        const sorted = sortRows(rows, { column: id, descending });
        expect(sorted).toHaveLength(rows.length);
        const keys = sorted.map(by);
        const firstNull = keys.indexOf(null);
        if (firstNull >= 0) expect(keys.slice(firstNull).every((key) => key === null)).toBe(true);
      }
  });

  test('names count as people do', () => {
    const sorted = sortRows(rows, { column: 'name', descending: false }).map((row) => row.name);
    expect(sorted.indexOf('conv_dw_2')).toBeLessThan(sorted.indexOf('conv_dw_10'));
  });

  test('equal rows stay in graph order, both ways', () => {
    for (const descending of [false, true]) {
      const convs = sortRows(rows, { column: 'executed', descending }).map((row) => row.index);
      expect(convs).toEqual(rows.map((row) => row.index));
    }
  });

  test('ten thousand rows sort within a frame or three', () => {
    const many = rowsOf('large');
    const start = performance.now();
    sortRows(many, { column: 'accumulated', descending: false });
    expect(performance.now() - start).toBeLessThan(500);
  });
});

test('a column of MACs has one unit', () => {
  expect(columnUnit(rowsOf('done'), 'macs')).toEqual([1e6, 'M']);
});

test('CSV quotes what needs it and leaves the unmeasured empty', () => {
  expect(
    csv(
      ['a', 'b'],
      [
        ['x,y', null],
        ['say "so"', 1.5],
      ],
    ),
  ).toBe('a,b\r\n"x,y",\r\n"say ""so""",1.5\r\n');
});
