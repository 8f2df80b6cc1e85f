import { describe, expect, it } from 'vitest';
import { renderDiffHtml } from '../../src/report/diff-html';
import { diffWordsFor } from '../../src/report/diff-language';
import { diffEnglish } from '../../src/report/diff-words';
import { diffChinese } from '../../src/report/diff-zh-cn';
import type { DiffResult, Note } from '../../src/results';
import { runResult } from '../fixtures/result';

const side = (file: string, quantizing: number) => ({
  file,
  bytes: 1000 + quantizing,
  opset: 13,
  nodes: 20,
  quantizing,
  parameters: 475_544,
});
const node = (name: string) => ({ name, op: 'Conv' });
const CHANGES = [
  'Conv → QLinearConv',
  'pads not set → [1, 1]',
  'input 0: now x',
  'input 1: w is gone',
  'input 1: w is a constant now',
  'input 1: w instead of a constant',
  'input 0: reads y instead of x',
  'input 1: other values of float32[4, 2], by up to 0.100 of 1.00',
  'input 1: other values of int64[2]',
];
const note = (code: string, message: string): Note => ({ code, severity: 'warning', message });
const range = { tensor: 'x', role: 'weight' as const, zeroPoint: 0, readers: [], axis: null };
const existing = (more: object) => ({ ...range, type: 'int8', min: -1, max: 1, ...more }) as never;

function comparison(): DiffResult {
  const { outputs, latency } = runResult();
  return {
    a: side('/m/net.onnx', 0),
    b: side('/m/net.int8.onnx', 40),
    matched: 0.95,
    nodes: [
      ...(['recorded', 'name', 'result', 'structure'] as const).map((matchedBy) => ({
        status: 'changed' as const,
        ...{ a: node('c'), b: node('d'), matchedBy, changes: CHANGES },
      })),
      { status: 'same', a: node('s'), b: node('s'), matchedBy: 'name', changes: [] },
      { status: 'folded', a: node('f'), b: node('g'), matchedBy: 'name', changes: [] },
      { status: 'removed', a: node('r'), b: null, matchedBy: null, changes: [] },
      { status: 'added', a: null, b: node('q'), matchedBy: null, changes: [] },
    ],
    ranges: [
      { tensor: 'x', a: null, b: existing({ scale: 0.01, scales: null }) },
      { tensor: 'y', a: existing({ scale: null, scales: null }), b: null },
      {
        tensor: 'z',
        a: existing({ scale: null, scales: { count: 8, min: 0.1, max: 0.2 } }),
        b: null,
      },
    ],
    outputs: outputs.map((output) => ({ ...output, name: 'y' })),
    tensors: [{ node: 'c', a: 'x', b: 'z', sqnrDb: 31, cosine: 0.9999, maxAbs: 0.1 }],
    comparedOn: { samples: 8, source: 'd.npy', random: false },
    latency,
    notes: [
      note('other-inputs', 'They take other inputs (x; y), so they were not run on the same data.'),
      note('random-data', 'Compared on random data: what it says of real inputs is not known.'),
      note('random-calibration', "'b.onnx' was calibrated on random data: its ranges."),
      note('inner-not-compared', 'Their inner tensors were not compared: z'),
      note('not-compared', 'Their outputs were not compared: z'),
    ],
  };
}

/** What a reader sees of a page. */
const visible = (html: string) =>
  html
    .slice(html.indexOf('<body>'))
    .replace(/<[^>]+>/g, ' ')
    .replace(/&\w+;/g, ' ');

describe('the page of a comparison', () => {
  it('is English where nothing else is asked for', () => {
    const html = renderDiffHtml(comparison());
    expect(html).toBe(renderDiffHtml(comparison(), '', diffEnglish));
    expect(html).toContain('<html lang="en">');
    expect(html).toContain('input 1: other values of float32[4, 2], by up to 0.100 of 1.00');
    expect(visible(html)).toMatch(/net\.onnx and net\.int8\.onnx/);
  });

  it('is wholly Chinese in 简体中文: what stays in Latin letters is a name, a type or a term', () => {
    const html = renderDiffHtml(comparison(), '', diffChinese);
    expect(html).toContain('<html lang="zh-CN">');
    const left = new Set(visible(html).match(/[A-Za-z][A-Za-z0-9]{2,}/g));
    const terms = ['net', 'onnx', 'int8', 'npy', 'Conv', 'QLinearConv', 'pads', 'float32', 'int64'];
    terms.push('Opset', 'SQNR', 'p99', 'data', 'recipe', 'MAC');
    expect([...left].filter((word) => !terms.includes(word))).toEqual([]);
    expect(visible(html)).toContain(
      '输入 1：float32[4, 2] 的值不同，最多相差 0.100（最大值 1.00）',
    );
    expect(visible(html)).toContain('较小模型的节点有 95 % 在另一个中找到，其中 1 个仅凭结构');
  });

  it('is chosen by the editor’s language', () => {
    for (const tag of ['zh-cn', 'zh-CN', 'zh', 'zh-Hans'])
      expect(diffWordsFor(tag)).toBe(diffChinese);
    for (const tag of ['en', 'de', 'zh-tw', 'zh-Hant']) expect(diffWordsFor(tag)).toBe(diffEnglish);
  });
});
