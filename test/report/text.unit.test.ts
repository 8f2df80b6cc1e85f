import { describe, expect, it } from 'vitest';
import { verdictSentence } from '../../src/report/sentence';
import { resultText, summaryText } from '../../src/report/summary-text';
import { columns, cut, terminalTable } from '../../src/report/terminal';
import { bareResult, modelSummary, runResult, tanhBreak } from '../fixtures/result';

describe('terminalTable', () => {
  const table = {
    columns: [{ name: 'Layer' }, { name: 'MACs', right: true }],
    rows: [
      ['卷积', '1'],
      ['/encoder/layers.0/attention/self/MatMul', '12.5 M'],
    ],
  };

  it('counts wide characters as two', () => {
    expect(columns('卷积a')).toBe(5);
    expect(columns('e\u0301')).toBe(1);
    expect(columns('3×3 → …')).toBe(7);
  });

  it('lines numbers up to the right', () => {
    const lines = terminalTable(table).split('\n');
    expect(new Set(lines.slice(1).map(columns)).size).toBe(1);
    expect(lines[2]).toMatch(/^卷积 +1$/);
  });

  it('cuts the middle of the longest texts to fit', () => {
    const lines = terminalTable(table, { width: 30 }).split('\n');
    for (const line of lines) expect(columns(line)).toBeLessThanOrEqual(30);
    expect(lines[3]).toMatch(/^\/encoder.*….*MatMul +12\.5 M$/);
  });

  it.each([
    ['abcdef', 6, 'abcdef'],
    ['abcdefg', 6, 'abc…fg'],
    ['卷积卷积', 6, '卷…积'],
    ['abc', 1, '…'],
  ])('cuts %s to %i', (text, width, wanted) => expect(cut(text, width)).toBe(wanted));
});

describe('verdictSentence', () => {
  it('is one sentence of measured numbers', () => {
    expect(verdictSentence(runResult())).toBe(
      'In INT8 the model is faster, 1.9 × (1.8 × … 2.0 ×) at 26.8 % of the size; its top-1 accuracy changes by −1.5 points (−3 … +0.5 at n = 480), which is not proven to differ from none; its output keeps 24.5 dB of signal over noise.',
    );
  });

  it('calls a metric of one’s own by its name, with its unit', () => {
    const result = runResult();
    const own = {
      ...({ metric: './peak.mjs', own: { name: 'peak error', unit: 'mV' } } as const),
      ...{ fp32: 2, int8: 2.25, low: 0.125, high: 0.5, unproven: false, higherIsBetter: false },
    };
    result.accuracy = { ...result.accuracy!, ...own };
    expect(verdictSentence(result)).toContain(
      'its peak error changes by +0.25 mV (+0.125 … +0.5 at n = 480);',
    );
    expect(resultText(result)).toMatch(/peak error +2 mV +2.25 mV +\+0.25 mV/);
    result.accuracy.fp32 = null;
    expect(verdictSentence(result)).toContain('its peak error is 2.25 mV');
  });

  it('says what is slower and what was not measured', () => {
    const latency = { ...runResult().latency!, speedup: 0.45, verdict: 'not faster here' as const };
    expect(verdictSentence(runResult({ latency }))).toContain('is not faster here, 0.45 ×');
    const unproven = {
      ...latency,
      speedup: 1.1,
      low: 0.78,
      high: 1.4,
      verdict: 'not proven' as const,
    };
    expect(verdictSentence(runResult({ latency: unproven }))).toContain(
      'the model is not proven to be faster, 1.10 × (0.78 × … 1.40 ×) at',
    );
    const narrow = {
      ...unproven,
      speedup: 1.19,
      low: 1.16,
      high: 1.25,
      verdict: 'faster' as const,
    };
    expect(verdictSentence(runResult({ latency: narrow }))).toContain(
      'is faster, 1.19 × (1.16 × … 1.25 ×)',
    );
    expect(verdictSentence(runResult({ latency: null }))).toContain('its speed was not measured');
    expect(verdictSentence(runResult({ accuracy: null }))).toContain(
      'it gives the label of FP32 to 97 % of 480 samples',
    );
    expect(verdictSentence(bareResult())).toBe(
      'In INT8 the model was not measured for speed or size; its accuracy was not measured.',
    );
  });
});

describe('resultText', () => {
  it('shows layers, before and after, and what hurts', () => {
    const text = resultText(runResult(), { width: 100 });
    expect(text).toMatch(/\/conv2\/Conv +Conv 3×3 depthwise +8 +38\.2 +24\.5 +11\.2/);
    expect(text).toMatch(/Layers +3 +2 in INT8/);
    expect(text).toMatch(/p50 \/ p99, ms +0\.42 \/ 0\.61 +0\.22 \/ 0\.35/);
    expect(text).toContain("--keep_fp32 '/conv2/Conv'");
    expect(text).not.toContain('−');
  });

  it('shows the breaks that take the most time, where they were timed', () => {
    const breaks = [1, 7, 3, 2, 6, 5].map((n) =>
      tanhBreak({ layer: `/tanh${n}`, conversionMs: n / 8, floatMs: n / 16 }),
    );
    const text = resultText(runResult({ breaks }), { width: 120 });
    expect(text).toContain('the 5 of 6 that take the most time');
    expect(text).toMatch(/\/tanh7 +1 +2 +10\.2 kB +0\.875 ms +0\.438 ms/);
    const order = [...text.matchAll(/\/tanh(\d)/g)].map(([, n]) => n);
    expect(order).toEqual(['7', '6', '5', '3', '2']);
    expect(resultText(runResult({ breaks: [tanhBreak()] }))).not.toContain('Converting');
  });

  it('invents nothing', () => {
    expect(resultText(bareResult())).not.toMatch(/NaN|undefined/);
  });
});

it('summaryText says what a file says', () => {
  const text = summaryText(modelSummary());
  expect(text).toContain('x: float32[batch, 3, 32, ?]');
  expect(text).toContain('470 kB, opset 17, com.microsoft 1, IR 8, pytorch 2.4');
  expect(text).toContain("blocked    Conv+BatchNorm at /conv1/Conv by /spy: '/spy' also reads");
  expect(text).toMatch(/\/conv1\/Conv +Conv 3×3 +batch×16×32×\? +– +448 +-0\.500 +0\.750/);
});
