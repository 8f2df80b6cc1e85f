import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as prettier from 'prettier';
import { describe, expect, it } from 'vitest';
import { operatorSince } from '../../src/onnx/operators';
import {
  COLUMNS,
  floatReason,
  integerRule,
  operatorKey,
  operatorRow,
  ROWS,
  targetRule,
} from '../../src/quantize/operators';
import { operatorsPage } from '../../src/quantize/operators/page';

const PAGE = path.resolve(import.meta.dirname, '../../docs/operators.md');
const keys = ROWS.map((row) => operatorKey(row.op, row.domain));

describe('the table of operators', () => {
  it('has each operator once', () => {
    expect(new Set(keys).size).toBe(keys.length);
  });

  it.each(Object.keys(COLUMNS) as (keyof typeof COLUMNS)[])('%s speaks of rows only', (family) => {
    expect(Object.keys(COLUMNS[family]).filter((key) => !keys.includes(key))).toEqual([]);
  });

  it('says of every operator what onnxruntime does on CPU', () => {
    expect(keys.filter((key) => !COLUMNS.cpu[key])).toEqual([]);
  });

  it('knows since when each operator is', () => {
    for (const row of ROWS.filter(({ domain }) => domain === ''))
      expect(row.since, row.op).toBe(operatorSince(row.op));
  });

  it('has an integer rule or a reason for everything', () => {
    expect(integerRule('Conv', 'ai.onnx')).toMatchObject({ form: 'weight' });
    expect(integerRule('Conv', 'com.example')).toBeUndefined();
    expect(targetRule('toString', '')).toBeUndefined();
    expect(floatReason('Tanh', '')).toContain('Tanh');
    expect(floatReason('Unheard', 'com.example', 'onnx')).toContain('Unheard');
    expect(operatorRow('Gelu', 'com.microsoft')).toMatchObject({ domain: 'com.microsoft' });
  });

  it('is what the documentation page shows; node scripts/operators.mjs writes it', async () => {
    const options = { ...(await prettier.resolveConfig(PAGE)), filepath: PAGE };
    expect(readFileSync(PAGE, 'utf8')).toBe(await prettier.format(operatorsPage(), options));
  });
});
