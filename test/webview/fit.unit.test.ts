import { expect, test } from 'vitest';
import { COLUMNS, type ColumnId } from '../../webview/logic/columns';
import { fittingColumns, leastWidth } from '../../webview/logic/fit';

const ids = (width: number, chosen = {}) => fittingColumns(width, chosen).map(({ id }) => id);
const usual = COLUMNS.filter(({ shown }) => shown);

test('at every width that can hold errors, all that is shown has its whole width', () => {
  for (let width = 700; width <= 1600; width++)
    expect(leastWidth(fittingColumns(width, {})) + 18).toBeLessThanOrEqual(width);
});

test('a wide view shows all; a narrower one leaves out the span of weights first', () => {
  const all = usual.map(({ id }) => id);
  const whole = leastWidth(usual) + 18;
  expect(ids(whole)).toEqual(all);
  expect(ids(whole - 1)).toEqual(all.filter((id) => id !== 'weightSpan'));
  expect(ids(100)).toEqual(
    all.filter((id) => !['weightSpan', 'kind', 'shape', 'macs', 'range'].includes(id)),
  );
});

test('estimates beside what was run go last, and never what was run', () => {
  const filled = (...of: ColumnId[]) =>
    fittingColumns(100, {}, new Set(of)).flatMap(({ id }) => (of.includes(id) ? id : []));
  expect(filled('expected', 'twoPass', 'onlyThis')).toEqual(['onlyThis']);
  expect(filled('expected', 'twoPass')).toEqual(['twoPass']);
  expect(filled('expected')).toEqual(['expected']);
  const wide = fittingColumns(3000, {}, new Set<ColumnId>(['expected', 'twoPass', 'onlyThis']));
  expect(wide.map(({ id }) => id)).toEqual(expect.arrayContaining(['expected', 'twoPass']));
});

test('what was chosen stays, and what was hidden makes room', () => {
  expect(ids(100, { weightSpan: true })).toContain('weightSpan');
  const whole = leastWidth(usual) + 18;
  expect(ids(whole - 1, { kernel: false, withoutVnni: false })).toContain('weightSpan');
});
