import { describe, expect, test } from 'vitest';
import type { ExistingRange } from '../../src/protocol';
import { en } from '../../webview/l10n/en';
import { write } from '../../webview/l10n/phrase';
import { boundsOf, meaningOf, rolesOf } from '../../webview/logic/existing';
import { proposals } from '../../webview/logic/proposals';
import { codesOf } from '../../webview/logic/quantized';
import { joinRows } from '../../webview/logic/rows';
import { formatOf } from '../../webview/logic/words';
import { existing } from './harness/existing';
import { states } from './harness/states';

const { tensors } = existing();
const [activation, weight] = tensors as [ExistingRange, ExistingRange];
const text = (tensor: ExistingRange) => {
  const meaning = meaningOf(tensor);
  return typeof meaning === 'string' ? meaning : write(en, meaning);
};

describe('a model that was quantized before', () => {
  test('one scale and its zero point are a formula', () => {
    expect(text(activation)).toBe('0.0235 · (q − 3)');
    expect(text({ ...activation, zeroPoint: -128 })).toBe('0.0235 · (q + 128)');
    expect(boundsOf(activation)).toBe('−0.0705 … 5.92');
  });

  test('several scales are counted, with where they lie', () => {
    const scales = { count: 32, min: 0.0012, max: 0.31 };
    expect(text({ ...weight, scales })).toBe('0.00120 … 0.310, 32 scales, axis 0');
    expect(text({ ...weight, scales, blockSize: 16 })).toContain('blocks of 16');
    expect(meaningOf({ ...weight, scales: null })).toEqual(['existing.whileRunning']);
    expect(boundsOf(weight)).toBe('');
  });

  test('roles are counted, those that do not occur are left out', () => {
    expect(rolesOf(tensors)).toEqual([
      { role: 'activation', n: tensors.length / 2 },
      { role: 'weight', n: tensors.length / 2 },
    ]);
  });

  test('floats of it are the first thing to do', () => {
    const state = states.quantized?.();
    if (!state) throw new Error('no state');
    const rows = joinRows(state.summary, state.result, state.recipe.kept);
    expect(proposals(state, rows)[0]?.does).toEqual({ kind: 'action', action: 'dequantize' });
    const plain = { ...state, summary: state.summary && { ...state.summary, quantized: null } };
    expect(proposals(plain, rows).map(({ id }) => id)).not.toContain('dequantize');
  });
});

describe('words of the mode', () => {
  const result = states.done?.().result;
  if (!result) throw new Error('no result');
  const all = (...precisions: (typeof result.layers)[number]['precision'][]) => ({
    layers: precisions.map((precision) => ({ ...result.layers[0]!, precision })),
  });

  test('a single precision beside FP32 names the file', () => {
    expect(formatOf(result)).toBe('int8');
    expect(formatOf(all('float32', 'int4', 'int4'))).toBe('int4');
    expect(formatOf(all('float16'))).toBe('float16');
  });

  test('several, or none yet, name nothing', () => {
    expect(formatOf(all('int4', 'int8'))).toBeNull();
    expect(formatOf(all('float32', 'mixed'))).toBeNull();
    expect(formatOf({ layers: [] })).toBeNull();
  });

  test('no text calls a model INT8, whatever it is', () => {
    const told = Object.entries(en).filter(
      ([key, value]) => value.includes('INT8') && key !== 'tip.precision',
    );
    expect(told).toEqual([]);
  });

  test('a mode that writes no integers is not asked to quantize again', () => {
    const state = states.done?.();
    if (!state?.result) throw new Error('no result');
    state.result = { ...state.result, int8MacShare: null };
    const rows = joinRows(state.summary, state.result, state.recipe.kept);
    expect(proposals(state, rows).map(({ id }) => id)).not.toContain('quantize');
  });
});

test.each([
  ['uint8', 0, 255],
  ['int8', -128, 127],
  ['uint16', 0, 65535],
  ['int16', -32768, 32767],
] as const)('codes of %s go from %d to %d', (type, first, last) => {
  const range = { scale: 0.5, zeroPoint: 0, type } as Parameters<typeof codesOf>[0];
  expect(codesOf(range)).toMatchObject({ first, last, low: first / 2, high: last / 2 });
});
