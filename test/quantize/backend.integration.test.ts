/** Hundreds of foreign models: preparing changes no result, and what is written runs as it says. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadModel, type Feed, type Model } from '../../src/onnx';
import { prepare } from '../../src/quantize/prepare';
import { backendCase, difference, randomFeeds, runModel, type Feeds } from '../onnx/runner';
import { sharedFiles } from '../onnx/shared';
import { executed, quantizeReady, ready } from '../lib/quantize';
import { hasShared, SHARED } from '../lib/shared';

/** Not the large ones, and none that draws random numbers. */
const files = ['backend/node', 'backend/onnx']
  .flatMap((folder) => sharedFiles(folder))
  .filter((f) => !/light_|dropout|random|bernoulli/i.test(f));

/** The model, random feeds and what it makes of them; null for what the runtime cannot read or run. */
async function subject(file: string) {
  try {
    const model = await loadModel(path.join(SHARED, file));
    const folder = path.join(SHARED, path.dirname(file), 'test_data_set_0');
    const given = existsSync(folder) ? backendCase(model, folder) : null;
    const feeds = given?.feeds ?? randomFeeds(model);
    return { model, feeds, want: await runModel(model, feeds) };
  } catch {
    return null;
  }
}

async function changed(model: Model, feeds: Feeds, want: Feeds): Promise<string | null> {
  const { model: prepared } = await prepare(model);
  const got = await runModel(prepared, feeds);
  const found = Object.keys(want).map((name) => difference(got[name], want[name]!));
  return found.find((d) => d !== null) ?? null;
}

/** Layers that do not run as their model says. */
async function otherwise(model: Model, feeds: Feeds): Promise<string[]> {
  const subject = await ready(model, [feeds as unknown as Feed]);
  const q = quantizeReady(subject);
  if (!q.placement.units.some((u) => u.integer)) return [];
  const { found } = await executed(q);
  await runModel(q.model, feeds);
  const integer = q.placement.units.filter((u) => u.integer).map((u) => u.unit.name);
  const wrong = integer.filter((name) => (found.get(name)?.precision ?? 'int8') !== 'int8');
  for (const keep of integer.slice(0, 4)) {
    const kept = quantizeReady(subject, { keep: [keep] });
    if (!kept.placement.units.some((u) => u.integer)) continue;
    const runs = (await executed(kept)).found.get(keep);
    if ((runs?.precision ?? 'float32') !== 'float32') wrong.push(`kept ${keep}`);
  }
  return wrong;
}

describe.skipIf(!hasShared)('models of the backend suites', () => {
  it('compute the same after preparing, and run as written', { timeout: 900_000 }, async () => {
    const failures: string[] = [];
    let [compared, quantized] = [0, 0];
    for (const file of files) {
      const found = await subject(file);
      if (!found) continue;
      const { model, feeds, want } = found;
      try {
        compared++;
        const difference = await changed(model, feeds, want);
        if (difference) failures.push(`${file}: ${difference}`);
        if (!model.graph.node.some((n) => /^(Conv|Gemm|MatMul)$/.test(n.opType))) continue;
        quantized++;
        for (const layer of await otherwise(model, feeds)) failures.push(`${file}: ${layer}`);
      } catch (error) {
        failures.push(`${file}: ${(error as Error).message}`);
      }
    }
    expect(failures).toEqual([]);
    expect(compared).toBeGreaterThan(250);
    expect(quantized).toBeGreaterThan(10);
  });
});
