/** Hundreds of foreign models: preparing changes no result, and what is written runs as it says. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { inlineExternal, loadModel, type Feed, type Model } from '../../src/onnx';
import { inferShapes } from '../../src/onnx/shapes';
import { prepare } from '../../src/quantize/prepare';
import { backendCase, difference, randomFeeds, runModel, type Feeds } from '../onnx/runner';
import { sharedFiles } from '../onnx/shared';
import { executed, quantizeReady, ready } from '../lib/quantize';
import { hasShared, SHARED } from '../lib/shared';

/** Not the large ones, and none that draws random numbers. */
const files = ['backend/node', 'backend/onnx', 'backend/ort']
  .flatMap((folder) => sharedFiles(folder))
  .filter((f) => !/light_|dropout|random|bernoulli|multinomial/i.test(f));

interface Subject {
  model: Model;
  feeds: Feeds;
  want: Feeds;
  /** The suite's own expectation, not what the runtime makes of the file. */
  expected: boolean;
  /** False where the runtime of today does not run the file as it is. */
  runs: boolean;
}

/**
 * The model, feeds and what must come out: what the suite expects, else what the runtime makes of the file. Null for
 * what the runtime cannot read or run and nobody says what it gives, and where the runtime itself gives something else.
 */
async function subject(file: string): Promise<Subject | null> {
  try {
    const model = inlineExternal(await loadModel(path.join(SHARED, file)));
    const folder = path.join(SHARED, path.dirname(file), 'test_data_set_0');
    const given = existsSync(folder) ? backendCase(model, folder) : null;
    const expects = given !== null && Object.keys(given.want).length > 0;
    const feeds = given?.feeds ?? randomFeeds(model, 3, 4);
    const ran = await runModel(model, feeds).catch(() => null);
    if (!ran)
      return expects ? { model, feeds, want: given.want, expected: true, runs: false } : null;
    if (!expects) return { model, feeds, want: ran, expected: false, runs: true };
    const same = Object.entries(given.want).every(([k, v]) => !difference(ran[k], v));
    return same ? { model, feeds, want: given.want, expected: true, runs: true } : null;
  } catch {
    return null;
  }
}

/** float16 is read as float32: what rounded between two nodes rounds no more. */
function tolerance(model: Model): [rtol: number, atol: number] {
  const half = [...inferShapes(model).values()].some((v) => v.type === 'float16');
  return half ? [2e-2, 2e-2] : [1e-3, 1e-4];
}

async function changed(model: Model, feeds: Feeds, want: Feeds): Promise<string | null> {
  const { model: prepared } = await prepare(model);
  const got = await runModel(prepared, feeds);
  const within = tolerance(model);
  const found = Object.keys(want).map((name) => difference(got[name], want[name]!, ...within));
  return found.find((d) => d !== null) ?? null;
}

/** Layers that do not run as their model says. */
async function otherwise(model: Model, feeds: Feeds): Promise<string[]> {
  const subject = await ready(model, [feeds as unknown as Feed]);
  const q = quantizeReady(subject);
  if (!q.placement.units.some((u) => u.integer)) return [];
  const { found } = await executed(q);
  await runModel(q.model, feeds);
  const written = q.placement.units.filter((u) => u.integer);
  const integer = written.map((u) => u.unit.name);
  const wrong = written.flatMap(({ unit: { name }, precision = 'int8' }) =>
    (found.get(name)?.precision ?? precision) === precision ? [] : [name],
  );
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
    const count = { expected: 0, asBefore: 0, quantized: 0, skipped: 0 };
    const opsets = new Set<number>();
    for (const file of files) {
      const found = await subject(file);
      if (!found) {
        count.skipped++;
        continue;
      }
      const { model, feeds, want, expected } = found;
      try {
        const difference = await changed(model, feeds, want);
        if (difference) failures.push(`${file}: ${difference}`);
        count[expected ? 'expected' : 'asBefore']++;
        opsets.add(model.opset);
        if (!model.graph.node.some((n) => /^(Conv|Gemm|MatMul)$/.test(n.opType))) continue;
        count.quantized++;
        for (const layer of await otherwise(model, feeds)) failures.push(`${file}: ${layer}`);
      } catch (error) {
        if (!found.runs)
          count.skipped++; // no runtime of today has its operators, in any opset
        else failures.push(`${file}: ${(error as Error).message}`);
      }
    }
    console.info(count, [...opsets].sort((a, b) => a - b).join(' '));
    expect(failures).toEqual([]);
    expect(count.expected).toBeGreaterThan(250);
    expect(count.asBefore).toBeGreaterThan(100);
    expect(count.quantized).toBeGreaterThan(10);
  });
});
