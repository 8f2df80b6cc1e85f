import { describe, expect, it } from 'vitest';
import { GraphIndex } from '../../src/onnx';
import { hasShared } from '../lib/shared';
import { openModels, openWithFeeds, sampleModels } from '../lib/models';
import { executed, quantizeReady, ready } from '../lib/quantize';

describe('survey', () => {
  it.each([...(hasShared ? openModels : []), ...sampleModels])('$name', { timeout: 200_000 }, async (item) => {
    const { model, feeds } = await openWithFeeds(item, 2);
    const q = quantizeReady(await ready(model, feeds));
    const { found, optimized } = await executed(q);
    const missing = q.units.filter((u) => !found.has(u.name)).map((u) => `${u.op} ${u.name}`);
    const wrong = q.placement.units.filter((p) => found.has(p.unit.name) && (found.get(p.unit.name)!.precision === 'int8') !== p.integer).map((p) => `${p.unit.op} ${p.unit.name} ${p.integer} ${found.get(p.unit.name)!.kernel}`);
    const idx = new GraphIndex(optimized.graph);
    const needless = optimized.graph.node.filter((n) => n.opType === 'QuantizeLinear' && idx.consumers(n.output[0]!).every((r) => r.opType === 'DequantizeLinear') && !idx.isGraphOutput(n.output[0]!)).map((n) => n.name);
    const kinds: Record<string, number> = {};
    for (const p of q.placement.units) kinds[`${p.unit.op} ${p.integer} ${p.reason ?? ''}`] = (kinds[`${p.unit.op} ${p.integer} ${p.reason ?? ''}`] ?? 0) + 1;
    console.log('needless', needless, kinds);
    console.log(item.name, q.units.length, 'missing', missing, 'wrong', wrong);
    expect(optimized).toBeDefined();
  });
});
