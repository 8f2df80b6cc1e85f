/** DTLN in INT8, streamed over noisy speech: the sound against that of FP32 (issue 4: 34 dB dynamic, 24.5 dB static). */
import { beforeAll, describe, expect, it } from 'vitest';
import { sqnrDb } from '../../../src/numeric';
import { loadModel, serializeModel, type Model } from '../../../src/onnx';
import { quantizeDynamic } from '../../../src/quantize/dynamic';
import { prepare } from '../../../src/quantize/prepare';
import { inferShapes } from '../../../src/onnx/shapes';
import { listUnits } from '../../../src/quantize/units';
import { Session } from '../../../src/runtime/session';
import { DTLN, noisySpeech, stream, type Streamed } from '../../lib/dtln';
import { quantize } from '../../lib/quantize';
import { every, hasShared, sharedFile } from '../../lib/shared';

describe.skipIf(!hasShared)('dtln', () => {
  let exact: Streamed;
  let models: Model[];

  beforeAll(async () => {
    models = await Promise.all(DTLN.map((file) => loadModel(sharedFile(file))));
    exact = await streamed(models);
  }, 60_000);

  async function streamed(pair: readonly Model[]): Promise<Streamed> {
    const [a, b] = await Promise.all(pair.map((m) => Session.open(serializeModel(m))));
    try {
      return await stream(a!, b!, noisySpeech(), true);
    } finally {
      await a!.release();
      await b!.release();
    }
  }

  function db({ sound }: Streamed): number {
    const x = exact.sound;
    return sqnrDb(
      x.reduce((s, v) => s + v * v, 0),
      x.reduce((s, v, i) => s + (v - sound[i]!) ** 2, 0),
    );
  }

  it('keeps the sound in dynamic INT8', async () => {
    const written = await Promise.all(
      models.map(async (model) => {
        const { model: prepared, context } = await prepare(model);
        const shapes = inferShapes(prepared);
        const units = listUnits(prepared, context, (t) => shapes.get(t)?.type);
        return quantizeDynamic(prepared, units, new Set(), 'channel').model;
      }),
    );
    expect(db(await streamed(written))).toBeGreaterThan(34);
  });

  it('keeps the sound in static INT8', async () => {
    const written: Model[] = [];
    for (const [i, model] of models.entries()) {
      // the first half of the sound alone
      const half = exact.feeds[i]!.slice(0, exact.feeds[i]!.length / 2);
      const ready = await quantize(model, { feeds: every(2, half) });
      written.push(ready.model);
    }
    expect(db(await streamed(written))).toBeGreaterThan(24.5);
  });
});
