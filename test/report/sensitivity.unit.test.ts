/** The sensitivity of layers in words, and as a part of a report. */
import { describe, expect, it } from 'vitest';
import { renderHtml } from '../../src/report/html';
import { sensitivitySentence, sensitivityText } from '../../src/report/sensitivity';
import { runResult } from '../fixtures/result';
import { sensitivity } from '../webview/harness/sensitivity';

const whole = sensitivity(runResult());
const stopped = sensitivity(runResult(), true);

describe('the sensitivity of layers', () => {
  it('says of every stage how far it came, and of what was stopped that it was', () => {
    expect(sensitivitySentence(whole)).toMatch(
      /^analytic 3 of 3 layers in 0\.4 s; two-pass 3 of 3/,
    );
    expect(sensitivitySentence(whole)).not.toMatch(/stopped|Shares of the noise/);
    const text = sensitivitySentence(stopped);
    expect(text).toContain('two-pass 0 of 3 layers in 119 s (stopped); exact not begun');
    expect(text).toContain('Shares of the noise are those of the stage analytic.');
    expect(text).toContain('The stage two-pass was stopped: it tells of no layer');
    expect(text).toContain('the same command goes on');
  });

  it('leaves out the columns that nothing is known of', () => {
    expect(sensitivityText(whole, { width: 240 })).toContain('two-pass, dB');
    expect(sensitivityText(stopped, { width: 240 })).not.toContain('two-pass, dB');
  });

  it('is a section of the report where it was measured by itself', () => {
    const html = renderHtml(runResult(), null, null, null, stopped);
    expect(html).toContain('<section id="sensitivity">');
    expect(html).toContain('<a href="#sensitivity">');
    expect(html).toContain('The stage two-pass was stopped');
    expect(renderHtml(runResult(), null)).not.toContain('<section id="sensitivity">');
  });
});
