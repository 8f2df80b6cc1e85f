/** What fusing gains, timed in processes of its own. */
import { describe, expect, it } from 'vitest';
import { fusionReport } from '../../src/jobs/fusions';
import type { Progress } from '../../src/results';
import { fusionsText, toFusionsDocument } from '../../src/report/fusions';
import { fusionsHtml } from '../../src/report/fusions-html';
import { WORKER } from '../lib/job';
import { hasShared, sharedFile } from '../lib/shared';

describe.skipIf(!hasShared)('measured gains of mobilenet', () => {
  it('all optimizers, then one after the other, with progress', async () => {
    const progress: Progress[] = [];
    const model = sharedFile('models', 'mobilenet_v1_0.25_224_imagenet.onnx');
    const report = await fusionReport(
      { model, measure: { threads: 1, seconds: 0.5 } },
      { progress: (step) => progress.push(step) },
      WORKER,
    );
    const { measured } = report;
    const { whole, gains } = measured!;
    const by = new Map(gains.map((gain) => [gain.optimizer, gain]));
    expect([...by.keys()].sort()).toEqual(['ConvActivationFusion', 'ConvBNFusion', 'PadFusion']);
    // 27 convolutions have a BatchNormalization and an activation, 4 a Pad before them
    expect(by.get('ConvBNFusion')!.patterns).toEqual([
      { pattern: 'Conv+BatchNorm+Activation', fusions: 27 },
    ]);
    expect(by.get('PadFusion')!.patterns).toEqual([{ pattern: 'Pad+Conv', fusions: 4 }]);
    for (const one of [whole, ...gains]) {
      expect(one.nodes.without).toBeGreaterThan(one.nodes.with);
      expect(one.nodes.with).toBe(report.executedNodes);
      // 2.3 for all and 1.4 for ConvBNFusion on a quiet machine; a busy one may say anything (bench/ compares times)
      expect(one.low).toBeGreaterThan(0);
      expect(one.low).toBeLessThanOrEqual(one.times);
      expect(one.high).toBeGreaterThanOrEqual(one.times);
      expect(one.pairs).toBeGreaterThanOrEqual(60);
    }
    expect(by.get('PadFusion')!.nodes.without - report.executedNodes).toBeGreaterThanOrEqual(4);
    expect(measured!.idle).toContain('ConvMulFusion');
    expect(measured).toMatchObject({ random: true, threads: 1 });
    const timed = progress.filter(({ stage }) => stage === 'latency');
    expect(timed.at(-1)).toMatchObject({ done: 12, total: 12 });
    expect(timed.some(({ detail }) => detail === 'ConvBNFusion')).toBe(true);

    expect(fusionsText(report)).toMatch(/ConvBNFusion +27 Conv\+BatchNorm\+Activation/);
    expect(fusionsHtml(report)).toContain('What fusing gains');
    const { gains: told } = toFusionsDocument(report).measured as { gains: unknown[] };
    expect(told).toHaveLength(3);
  }, 60_000);

  it('nothing is timed where it was not asked for', async () => {
    const model = sharedFile('models', 'resnet8_cifar10.onnx');
    const report = await fusionReport({ model }, { progress: () => undefined }, WORKER);
    expect(report.measured).toBeNull();
    expect(fusionsHtml(report)).not.toContain('What fusing gains');
  });
});
