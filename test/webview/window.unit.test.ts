import fc from '../lib/property';
import { expect, test } from 'vitest';
import { listWindow, scrollTo } from '../../webview/logic/window';

test('the window holds every row in sight and not many more', () => {
  fc.assert(
    fc.property(
      fc.nat(20_000),
      fc.integer({ min: 10, max: 60 }),
      fc.nat(1_000_000),
      fc.integer({ min: 0, max: 2000 }),
      (count, row, top, view) => {
        const { start, end, height } = listWindow(count, row, top, view);
        expect(height).toBe(count * row);
        expect(start).toBeGreaterThanOrEqual(0);
        expect(end).toBeLessThanOrEqual(count);
        expect(start).toBeLessThanOrEqual(end);
        expect(end - start).toBeLessThanOrEqual(Math.ceil(view / row) + 18);
        const first = Math.floor(top / row);
        const last = Math.min(count - 1, Math.floor((top + view - 1) / row));
        for (const seen of [first, last])
          if (seen >= 0 && seen < count && view > 0 && first < count) {
            expect(seen).toBeGreaterThanOrEqual(start);
            expect(seen).toBeLessThan(end);
          }
      },
    ),
  );
});

test('after scrolling the row is wholly in sight', () => {
  fc.assert(
    fc.property(
      fc.nat(10_000),
      fc.nat(300_000),
      fc.integer({ min: 60, max: 900 }),
      (row, top, view) => {
        const to = scrollTo(row, 22, top, view);
        expect(row * 22).toBeGreaterThanOrEqual(to);
        expect((row + 1) * 22).toBeLessThanOrEqual(to + view);
      },
    ),
  );
});

test('what is in sight stays where it is; the next row moves by one', () => {
  expect(scrollTo(5, 20, 60, 200)).toBe(60);
  expect(scrollTo(13, 20, 60, 200)).toBe(80);
  expect(scrollTo(2, 20, 60, 200)).toBe(40);
  expect(scrollTo(500, 20, 60, 200)).toBe(9900);
});
