import { describe, expect, it } from 'vitest';
import { gainsDocument, gainsSection, gainsText } from '../../src/report/fusion-gains';
import { renderHtml } from '../../src/report/html';
import { runResult } from '../fixtures/result';
import { gains } from '../webview/harness/gains';

describe('measured gains of fusions', () => {
  it('stand in a table with what comes apart, the interval and what is not proven', () => {
    expect(gainsText(gains())).toBe(
      `
What fusing gains, measured
Without               Comes apart                      Nodes  ms without  ms with    Gain     interval
────────────────────  ────────────────────────────  ────────  ──────────  ───────  ──────  ───────────  ────────────────────
all optimization      everything                     89 → 33     2.99 ms  1.29 ms  2.31 ×  2.28 … 2.34
ConvBNFusion          27 Conv+BatchNorm+Activation  139 → 33     1.84 ms  1.29 ms  1.42 ×  1.40 … 1.44
ConvActivationFusion  27 Conv+BatchNorm+Activation  112 → 33     1.68 ms  1.29 ms  1.30 ×  1.28 … 1.32
PadFusion             4 Pad+Conv                     45 → 33      1.3 ms  1.29 ms  1.01 ×  0.98 … 1.04  no difference proven

Each against the model with all optimization, interleaved, 660 runs or more of both, on a sample of images/001.jpg and 1 more (Intel(R) Xeon(R) Processor, threads: 1, onnxruntime-node 1.30.0). The gains of optimizers that build on one another do not add up. Without MatMulBNFusion, ConvMulFusion, ConvAddFusion nothing comes apart: they had no part in it, or others do their work then.
`.trim(),
    );
  });

  it('say where something is slower with it', () => {
    const one = gains();
    Object.assign(one.gains[2]!, { times: 0.9, low: 0.85, high: 0.95 });
    expect(gainsText(one)).toMatch(/PadFusion .* slower with it here/);
  });

  it('are a part of the report, escaped, and of documents in snake case', () => {
    const one = { ...gains(), data: '<images>' };
    expect(gainsSection(one)).toContain('&lt;images&gt;');
    expect(renderHtml(runResult(), null, null, one)).toContain('<section id="gains">');
    expect(renderHtml(runResult(), null)).not.toContain('<section id="gains">');
    expect(gainsDocument(one)).toMatchObject({
      whole: { without_ms: 2.99, with_ms: 1.29, times: 2.31, nodes: { without: 89, with: 33 } },
      gains: [{ optimizer: 'ConvBNFusion', patterns: [{ fusions: 27 }] }, {}, {}],
    });
  });
});
