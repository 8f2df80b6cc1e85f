import fc from '../lib/property';
import { expect, test } from 'vitest';
import { flowScroll, flowTops, flowWindow } from '../../webview/logic/flow';

const heights = fc.array(fc.integer({ min: 12, max: 90 }), { maxLength: 400 });

test('the window holds every row in sight, and not many more', () => {
  fc.assert(
    fc.property(heights, fc.nat(20_000), fc.nat(1200), (rows, top, view) => {
      const tops = flowTops(rows);
      expect(tops.at(-1)).toBe(rows.reduce((sum, height) => sum + height, 0));
      const { start, end } = flowWindow(tops, top, view, 100);
      const seen = rows.flatMap((_, i) => (tops[i]! < top + view && tops[i + 1]! > top ? [i] : []));
      for (const i of seen) {
        expect(i).toBeGreaterThanOrEqual(start);
        expect(i).toBeLessThan(end);
      }
      expect(end - start).toBeLessThanOrEqual(Math.ceil((view + 200) / 12) + 2);
    }),
  );
});

test('after scrolling the row is wholly in sight', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 12, max: 90 }), { minLength: 1, maxLength: 400 }),
      fc.nat(),
      fc.nat(20_000),
      fc.integer({ min: 200, max: 900 }),
      (rows, at, top, view) => {
        const tops = flowTops(rows);
        const row = at % rows.length;
        const to = flowScroll(tops, row, top, view);
        expect(tops[row]).toBeGreaterThanOrEqual(to);
        expect(tops[row + 1]).toBeLessThanOrEqual(to + view);
      },
    ),
  );
});

test('what is in sight stays where it is; the next row moves by its height', () => {
  const tops = flowTops([20, 60, 20, 40, 20]);
  expect(flowScroll(tops, 1, 0, 100)).toBe(0);
  expect(flowScroll(tops, 3, 0, 100)).toBe(40);
  expect(flowScroll(tops, 0, 40, 100)).toBe(0);
});
