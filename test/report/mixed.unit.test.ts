/** Plans of mixed precision as tables, in words, and as a section of the report. */
import { describe, expect, it } from 'vitest';
import { renderHtml } from '../../src/report/html';
import { mixedText, planSentence, planTable } from '../../src/report/mixed';
import { modelSummary, runResult } from '../fixtures/result';
import { mixed } from '../webview/harness/mixed';

describe('plans in a report', () => {
  it('have what was expected beside what was measured, with the time of one run', () => {
    const { columns, rows } = planTable(mixed(true));
    const at = (name: string) => columns.findIndex((c) => c.name === name);
    const three = rows.find((row) => row[at('Layers')] === '3')!;
    expect(three[0]).toBe('←');
    expect(three[at('expected dB')]).toBe('13.9');
    expect(three[at('measured')]).toBe('14.3');
    expect(three[at('p50, ms')]).toBe('1.33');
  });

  it('say how a 16-bit layer is executed', () => {
    expect(mixedText(mixed(true), { width: 200 })).toContain('conv_pw_4 (INT16, runs in FP32)');
  });

  it('say what no plan meets, and name a list of files by its first', () => {
    const result = mixed(false);
    result.measuredOn.source = 'a.jpg, b.jpg, c.jpg';
    const words = planSentence(result);
    expect(words).toContain('sqnr_db is 17.4, wanted 20');
    expect(words).toContain('a.jpg and 2 more');
  });

  it('say where FP32 itself is no slower, and no larger', () => {
    const result = mixed(true);
    expect(planSentence(result)).not.toContain('FP32 itself');
    const plan = result.plans[result.recommended]!;
    const slow = { speedup: 0.98, low: 0.95, high: 1.01, verdict: 'not faster here' as const };
    plan.latency = { ...plan.latency!, ...slow };
    expect(planSentence(result)).toContain(
      'It is not faster than FP32 here, 0.98 × (0.95 × … 1.01 ×), at 32.8 % of the size.',
    );
    plan.bytes = result.fp32Bytes * 1.04;
    expect(planSentence(result)).toContain(
      'nor smaller, at 104 % of the size: FP32 itself is the better model.',
    );
  });

  it('stand in the report of a run where they were tried, escaped', () => {
    const result = mixed(true);
    result.plans[3]!.choices[0]!.layer = '<conv>';
    const html = renderHtml(runResult(), modelSummary(), result);
    expect(html).toContain('<a href="#plans">Mixed precision</a>');
    expect(html).toContain('&lt;conv&gt;');
    expect(html).not.toContain('<conv>');
    expect(renderHtml(runResult(), modelSummary())).not.toContain('id="plans"');
  });
});
