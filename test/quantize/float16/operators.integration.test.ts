/** Hundreds of foreign models in float16: the table of operators against the runtime's own schemas and kernels. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { loadModel, serializeModel } from '../../../src/onnx';
import { flawsOf } from '../../../src/onnx/check-written';
import { withRounding } from '../../../src/quantize/float16';
import { convertToFloat16 } from '../../../src/quantize/float16/convert';
import { prepare } from '../../../src/quantize/prepare';
import { Session } from '../../../src/runtime/session';
import { backendCase, randomFeeds, runModel, type Feeds } from '../../onnx/runner';
import { sharedFiles } from '../../onnx/shared';
import { hasShared, sharedFile } from '../../lib/shared';

/**
 * The large ones, and models that no rounding is small for: normalized rows of equal values (their differences are rounding alone), values
 * that overflow in float16, numbers drawn at random. `fuse-pad-maxpool` is not loaded as it is either: the runtime's own optimization
 * puts its Pad into the MaxPool, whose kernel then refuses pads as wide as itself.
 */
const HOPELESS =
  /dropout|random|bernoulli|gpt2_attention.*no_skip|gather_roberta|fuse-pad-maxpool/i;

/** Largest difference over the largest value; integers and booleans must be the same. */
function difference(got: ort.Tensor | undefined, want: ort.Tensor): number {
  const [a, b] = [got?.data as ArrayLike<unknown> | undefined, want.data as ArrayLike<unknown>];
  if (a?.length !== b.length) return Infinity;
  if (!(want.data instanceof Float32Array))
    return Array.from(b).every((x, i) => Object.is(x, a[i])) ? 0 : Infinity;
  let [worst, largest] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    if (Object.is(x, y)) continue;
    worst = Number.isNaN(x - y) ? Infinity : Math.max(worst, Math.abs(x - y));
    if (Number.isFinite(y)) largest = Math.max(largest, Math.abs(y));
  }
  return worst / (largest || 1);
}

async function subject(file: string) {
  try {
    const model = await loadModel(sharedFile(file));
    const folder = sharedFile(path.dirname(file), 'test_data_set_0');
    const given = existsSync(folder) ? backendCase(model, folder) : null;
    const feeds: Feeds = given?.feeds ?? randomFeeds(model);
    return { model, feeds, want: await runModel(model, feeds) };
  } catch {
    return null; // nothing that the runtime can read and run
  }
}

describe.skipIf(!hasShared)('models of the backend suites in float16', () => {
  it('load, run and are close', { timeout: 900_000 }, async () => {
    const failures: string[] = [];
    const reasons: Record<string, number> = {};
    let compared = 0;
    for (const file of sharedFiles('backend').filter((f) => !HOPELESS.test(f))) {
      const found = await subject(file);
      if (!found) continue;
      try {
        const { model: prepared } = await prepare(found.model);
        const written = convertToFloat16(prepared, { keepIo: true });
        const all = [...written.nodes.values(), ...written.bodies];
        for (const { reason } of all)
          if (reason) reasons[reason.code] = (reasons[reason.code] ?? 0) + 1;
        if (!all.some((d) => d.form === 'half')) continue;
        compared++;
        // some files declare what is not so
        const old = new Set(flawsOf(prepared, found.model).map((f) => f.message));
        for (const { message } of flawsOf(written.model, found.model))
          if (!old.has(message)) failures.push(`${file}: ${message}`);
        const got = await runModel(written.model, found.feeds);
        for (const [name, want] of Object.entries(found.want)) {
          const off = difference(got[name], want);
          if (!(off < 0.02)) failures.push(`${file} ${name}: ${off}`);
        }
        await runModel(withRounding(written.model), found.feeds);
        const open = convertToFloat16(prepared, { keepIo: false }).model;
        await (await Session.open(serializeModel(open))).release();
      } catch (error) {
        failures.push(`${file}: ${(error as Error).message}`);
      }
    }
    expect(failures).toEqual([]);
    expect(compared).toBeGreaterThan(400);
    for (const code of ['operator', 'moves-float', 'body', 'shape', 'weight-vanishes'])
      expect(reasons[code], code).toBeGreaterThan(5);
  });
});
