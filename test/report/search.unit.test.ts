import { describe, expect, it } from 'vitest';
import { renderHtml } from '../../src/report/html';
import { toJsonDocument } from '../../src/report/json';
import { renderMarkdown } from '../../src/report/markdown';
import { searchDocument, searchHtml, searchTable, searchText } from '../../src/report/search';
import { resultText } from '../../src/report/summary-text';
import { modelSummary, runResult } from '../fixtures/result';
import { search } from '../fixtures/search';

const result = runResult();
const found = search(result, result.latency!);
const ran = { ...result, search: found };

describe('the log of a search', () => {
  it('has every try with what became of it', () => {
    const { rows } = searchTable(found);
    expect(rows.map((row) => [row[0], row.at(-1)])).toEqual([
      ['FP32', ''],
      ['dynamic', expect.stringMatching(/^dropped: 0\.62 ×/)],
      ['static', expect.stringMatching(/^dropped/)],
      ['static, observer mse', '←'],
      ['weight-only uint4', 'failed: No layer <can> be quantized.'],
      ['float16', 'not tried: CPUs compute it in float32'],
    ]);
    // times of others are marked
    expect(rows[3]![1]).toMatch(/ \*$/);
    expect(rows[2]![1]).not.toMatch(/ \*$/);
  });

  it('says what was found, that the time was over, and the recipe', () => {
    const text = searchText(found);
    expect(text).toMatch(/Found: static, observer mse\./);
    expect(text).toMatch(/3 were measured in 61 s/);
    expect(text).toMatch(/The time was over before all was tried/);
    expect(text).toMatch(/quantization: \{ mode: static, activations: \{ observer: mse \} \}$/);
  });

  it('FP32 can be what was found', () => {
    const kept = {
      ...found,
      chosen: null,
      text: null,
      reason: 'INT8 is not faster here, so FP32 stays',
    };
    expect(searchText(kept)).toMatch(/Found: the model as it is\. INT8 is not faster here/);
    expect(searchTable(kept).rows[0]!.at(-1)).toBe('←');
  });

  it('is in every report of a run', () => {
    const summary = modelSummary();
    expect(resultText(ran)).toContain('Found: static, observer mse');
    expect(renderMarkdown(ran)).toContain('## How the quantization was found');
    const html = renderHtml(ran, summary);
    expect(html).toContain('id="search"');
    expect(html).toContain('No layer &lt;can&gt; be quantized.');
    expect(html).not.toContain('<can>');
    expect(searchHtml(found)).toContain('&lt;can&gt;');
  });

  it('is a document in snake_case, with quantization as recipes write it', () => {
    const document = searchDocument(found);
    expect(document).toMatchObject({ chosen: 2, fp32_bytes: 1_917_000, budget_seconds: 60 });
    expect((document.tries as object[])[2]).toMatchObject({
      name: 'static, observer mse',
      timed_as: 'static',
      quantization: { mode: 'static', activations: { observer: 'mse' } },
      keep_fp32: [],
    });
    expect(toJsonDocument(ran)).toMatchObject({ search: { chosen: 2 } });
  });
});
