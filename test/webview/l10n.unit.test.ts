import { describe, expect, test } from 'vitest';
import { en } from '../../webview/l10n/en';
import { write, type TextKey } from '../../webview/l10n/phrase';
import { zhCn } from '../../webview/l10n/zh-cn';
import { COLUMNS } from '../../webview/logic/columns';
import { threads } from '../../webview/logic/format';

const names = (text: string) => new Set([...text.matchAll(/\{(\w+)/g)].map(([, name]) => name));

describe('texts', () => {
  test('both tables have the same keys', () => {
    expect(Object.keys(zhCn).sort()).toEqual(Object.keys(en).sort());
  });

  test.each(Object.keys(en) as TextKey[])('%s takes the same places in both', (key) => {
    const wanted = names(en[key]);
    for (const name of names(zhCn[key])) expect(wanted).toContain(name);
    // a number that only chose between singular and plural may be left out
    const plain = new Set([...en[key].matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
    for (const name of plain) expect(names(zhCn[key])).toContain(name);
  });

  test('every column has a title and a tip', () => {
    for (const { id } of COLUMNS)
      for (const key of [`col.${id}`, `tip.${id}`]) expect(en).toHaveProperty([key]);
  });

  test('are translated: what stays in Latin letters is a term', () => {
    const same = (Object.keys(en) as TextKey[]).filter((key) => en[key] === zhCn[key]);
    expect(same.sort()).toEqual(
      ['metric.mae', 'metric.mse', 'metric.sqnr', 'metric.top1', 'metric.top5'].sort(),
    );
  });
});

describe('writing', () => {
  test('chooses by the number, with names inside', () => {
    const speed = (n: number) =>
      write(en, ['chip.speedDetail', { low: '1.1', high: '1.2', threads: threads(n) }]);
    expect(speed(1)).toBe('1.1 … 1.2, 1 thread');
    expect(speed(4)).toBe('1.1 … 1.2, 4 threads');
    expect(speed(0)).toBe('1.1 … 1.2, default threads');
    expect(write(en, ['verdict.limitsMissed', { missed: 1, n: 3 }])).toBe(
      '1 of 3 limits are not met',
    );
  });

  test('takes another text in a place', () => {
    expect(
      write(en, ['from.metric', { metric: { text: 'metric.top1' }, value: '48 %', n: 200 }]),
    ).toBe('Top-1 48 %, n = 200');
  });

  test('leaves a place without a value as it is', () => {
    expect(write(en, ['copied'])).toBe('Copied: {what}');
  });
});
