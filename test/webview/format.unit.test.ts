import { describe, expect, test } from 'vitest';
import {
  bytes,
  count,
  db,
  fixed,
  formula,
  ms,
  percent,
  plain,
  seconds,
  shape,
  signed,
  significant,
  timesDigits,
  whole,
} from '../../webview/logic/format';

describe('numbers as people read them', () => {
  test.each([
    [0, '0'],
    [0.0235294, '0.0235'],
    [0.99999, '1.00'],
    [9.996, '10.0'],
    [99.96, '100'],
    [76.4, '76.4'],
    [-2.118, '−2.12'],
    [1234.5, '1235'],
    [1.5e-7, '1.50e−7'],
    [6e12, '6.00e+12'],
    [NaN, 'NaN'],
    [Infinity, '∞'],
    [-Infinity, '−∞'],
  ])('significant(%s) is %s', (value, text) => expect(significant(value)).toBe(text));

  test.each([
    [0.01, '0.01'],
    [5, '5'],
    [0.292, '0.292'],
    [10, '10'],
    [100, '100'],
    [1.5, '1.5'],
  ])('plain(%s) is %s', (value, text) => expect(plain(value)).toBe(text));

  test.each([
    [0.292, '29.2'],
    [1, '100'],
    [0, '0'],
    [0.99996, '99.99'],
    [0.00001, '< 0.01'],
    [0.5, '50.0'],
  ])('percent(%s) is %s', (share, text) => expect(percent(share)).toBe(text));

  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [560_300, '560 kB'],
    [1_917_000, '1.92 MB'],
    [2.4e9, '2.40 GB'],
  ])('bytes(%s) is %s', (value, text) => expect(bytes(value)).toBe(text));

  test.each([
    [null, '·'],
    [10.94, '10.9'],
    [150, '≥ 150'],
    [-1.07, '−1.1'],
  ])('db(%s) is %s', (value, text) => expect(db(value)).toBe(text));

  test('a rounded zero has no sign', () => {
    expect(fixed(-0.04, 1)).toBe('0.0');
    expect(signed(0.04, 1)).toBe('0.0');
    expect(signed(2.6, 1)).toBe('+2.6');
    expect(signed(-4, 1)).toBe('−4.0');
  });

  test('a speed-up has two decimals where the verdict turns, else one', () => {
    expect([0.45, 1.02, 1.15].map((x) => timesDigits(x))).toEqual([2, 2, 2]);
    expect([1.2, 1.9, 3.4].map((x) => timesDigits(x))).toEqual([1, 1, 1]);
    expect(timesDigits(1.9, 1.8, 2)).toBe(1);
    expect(timesDigits(1.9, 1.87, 1.94)).toBe(2);
    expect(timesDigits(1.5, 1.01, 1.9)).toBe(2);
    expect(timesDigits(1.901, 1.8999, 1.902)).toBe(3);
  });

  test('shapes leave the batch out and keep what is open', () => {
    expect(shape([1, 32, 56, 56])).toBe('32×56×56');
    expect(shape(['N', 1000])).toBe('1000');
    expect(shape([null, 3, null, 224])).toBe('3×?×224');
    expect(shape([64])).toBe('64');
    expect(shape([16, 10])).toBe('16×10');
    expect(shape(null)).toBe('·');
  });

  test('a quantization is one formula', () => {
    expect(formula(0.02352941, 0)).toBe('0.0235 · (q − 0)');
    expect(formula(0.1516, -7)).toBe('0.152 · (q + 7)');
  });

  test('times and counts', () => {
    expect(seconds(9.4)).toBe('9 s');
    expect(seconds(80)).toBe('1 min 20 s');
    expect(seconds(3700)).toBe('1 h 1 min');
    expect(ms(1.2412)).toBe('1.24 ms');
    expect(count(903_168)).toBe('903 k');
    expect(count(12)).toBe('12');
    expect(whole(10_000)).toBe('10,000');
  });
});
