import { describe, expect, it } from 'vitest';
import { renderHtml } from '../../src/report/html';
import { renderMarkdown } from '../../src/report/markdown';
import { MODE_NAMES, wordsOf } from '../../src/report/modes';
import { resultText } from '../../src/report/summary-text';
import type { Mode, Precision, RunResult } from '../../src/results';
import { layerResult, modelSummary, runResult } from '../fixtures/result';

const layers = (...written: Precision[]) =>
  written.map((precision, i) => layerResult(`l${i}`, { precision, executed: precision }));

/** A run whose own texts, which the report repeats, speak of no format. */
function ran(mode: Mode, precision: Precision): RunResult {
  const result = runResult({ mode, layers: layers(precision, 'float32'), withoutVnni: null });
  return {
    ...result,
    notes: [],
    fusions: [],
    breaks: [],
    mode,
    recipe: '',
    size: null,
    load: null,
  };
}

describe('what a run is called', () => {
  it.each<[Mode, Precision[], string]>([
    ['static', ['int8', 'float32'], 'INT8'],
    ['static', ['int16', 'float32'], 'INT16'],
    ['static', ['int16', 'int8'], 'INT8'],
    ['dynamic', ['int8', 'mixed'], 'INT8'],
    ['weight-only', ['int4'], 'Weight-only'],
    ['float16', ['float16'], 'Float16'],
    ['float16', ['bfloat16', 'float32'], 'Bfloat16'],
    ['float32', ['float32'], 'Written'],
  ])('mode %s with layers in %s: %s', (mode, written, column) => {
    expect(wordsOf({ mode, layers: layers(...written) }).column).toBe(column);
  });

  it.each<[Mode, Precision]>([
    ['weight-only', 'int4'],
    ['float16', 'float16'],
    ['float16', 'bfloat16'],
    ['static', 'int16'],
  ])('a report of mode %s in %s never calls the written model INT8', (mode, precision) => {
    const result = ran(mode, precision);
    const { column } = wordsOf(result);
    for (const text of [
      renderHtml(result, modelSummary()),
      renderMarkdown(result),
      resultText(result),
    ]) {
      expect(text).toContain(column);
      // the share of MACs in INT8 kernels is a figure, whatever the form
      expect(text.replaceAll('MACs in INT8', '')).not.toMatch(/\bINT8\b/);
    }
  });

  it('says INT8 where it is', () => {
    const html = renderHtml(ran('static', 'int8'), modelSummary());
    expect(html).toContain('INT8 against FP32');
    expect(wordsOf(ran('static', 'int8'))).toBe(MODE_NAMES.static);
  });
});
