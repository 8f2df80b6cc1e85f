import { describe, expect, it } from 'vitest';
import { choiceDocument, choiceTable, choiceText } from '../../src/report/choice';
import { renderHtml } from '../../src/report/html';
import { toJsonDocument } from '../../src/report/json';
import { renderMarkdown } from '../../src/report/markdown';
import { resultText } from '../../src/report/summary-text';
import type { ModeChoice } from '../../src/results';
import { modelSummary, runResult } from '../fixtures/result';

const choice: ModeChoice = {
  model: 'lstm.onnx',
  recipe: 'lstm.quant.yaml',
  target: 'x86-vnni',
  trials: [
    {
      mode: 'dynamic',
      failure: null,
      bytes: 83_500,
      int8MacShare: 1,
      worstDb: 41.3,
      accuracy: null,
      agreement: null,
      latency: {
        fp32Ms: 0.358,
        int8Ms: 0.174,
        speedup: 2.06,
        low: 2.01,
        high: 2.1,
        fp32P50: 0.358,
        fp32P99: 0.41,
        int8P50: 0.174,
        int8P99: 0.2,
        threads: 1,
        pairs: 200,
        verdict: 'faster',
        profile: null,
      },
      misses: null,
    },
    {
      mode: 'static',
      failure: { code: 'recipe.schema', message: 'Static quantization needs calibration data.' },
      bytes: null,
      int8MacShare: null,
      worstDb: null,
      accuracy: null,
      agreement: null,
      latency: null,
      misses: null,
    },
  ],
  winner: 'dynamic',
  reason: 'dynamic is 2.06 × as fast as FP32; static cannot be written',
  rule: 'its outputs must keep 20 dB of signal over noise',
  measuredOn: { samples: 128, source: 'windows.npz', random: false },
  machine: 'a processor',
  threads: 1,
  runtime: '1.30.0',
  fp32Bytes: 289_000,
};

describe('how a mode was chosen', () => {
  it('is a table with FP32 first, the winner marked and failures told', () => {
    const { columns, rows } = choiceTable(choice);
    expect(rows.every((row) => row.length === columns.length)).toBe(true);
    expect(rows.map((row) => row.at(-1))).toEqual([
      '',
      '←',
      'Static quantization needs calibration data.',
    ]);
    expect(rows[1]).toContain('2.06 × (2.01 … 2.10)');
  });

  it('stands in every report of a run, and in the document', () => {
    const result = runResult({ choice, mode: 'dynamic' });
    for (const text of [
      choiceText(choice),
      resultText(result),
      renderMarkdown(result),
      renderHtml(result, modelSummary()),
    ])
      expect(text).toContain('128 samples');
    expect(toJsonDocument(result).choice).toEqual(choiceDocument(choice));
    expect(toJsonDocument(runResult()).choice).toBeNull();
    expect(choiceDocument(choice)).toMatchObject({
      winner: 'dynamic',
      trials: [
        { mode: 'dynamic', latency: { speedup: 2.06 } },
        { mode: 'static', failure: { code: 'recipe.schema' } },
      ],
    });
  });
});
