import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { VernierError } from '../../src/errors';
import { loadModel } from '../../src/onnx/load';
import type { Model } from '../../src/onnx/model';
import { inlineExternal } from '../../src/onnx/save';
import { valueType } from '../../src/onnx/schema';
import { inferShapes } from '../../src/onnx/shapes';
import { upgradeOpset } from '../../src/onnx/upgrade';
import { difference, randomFeeds, runModel, type Feeds } from './runner';
import { noShared, SHARED, sharedFiles } from './shared';

/** onnxruntime's test models and ONNX's light ones: no expected outputs, but those of the original. */
const models = [...sharedFiles('backend/ort'), ...sharedFiles('backend/onnx/light')];

async function outputs(model: Model, feeds: Feeds): Promise<Feeds | string> {
  try {
    return await runModel(model, feeds);
  } catch (error) {
    return String((error as Error).message).slice(0, 200);
  }
}

async function open(file: string): Promise<Model | null> {
  try {
    return inlineExternal(await loadModel(path.join(SHARED, file)));
  } catch (error) {
    if (error instanceof VernierError) return null;
    throw error;
  }
}

/** Images of millions of values through a single Add say no more than small ones. */
function isLarge(model: Model): boolean {
  const sizes = model.graph.input.map((v) =>
    (valueType(v).shape ?? []).reduce<number>((n, d) => n * (typeof d === 'number' ? d : 1), 1),
  );
  return Math.max(...sizes) > 500_000;
}

/** Where the runtime has no float16 kernel it may or may not round between two others, which a norm over few values magnifies. */
function tolerance(model: Model): [rtol: number, atol: number] {
  const half = [...inferShapes(model).values()].some((v) => v.type === 'float16');
  return half ? [2e-2, 2e-2] : [1e-3, 1e-4];
}

function differs(got: Feeds, want: Feeds, within: [number, number]): string | null {
  const found = Object.entries(want).map(([k, v]) => difference(got[k], v, ...within));
  return found.find((d) => d !== null) ?? null;
}

/** True where the model itself gives something else next time; a coin may fall the same way a few times. */
async function isRandom(model: Model, feeds: Feeds, want: Feeds, within: [number, number]) {
  for (let again = 0; again < 20; again++)
    if (differs(await runModel(model, feeds), want, within)) return true;
  return false;
}

describe.skipIf(noShared)('models of the runtime, upgraded, give the same outputs', () => {
  it.each([13, 17, 18, 21, 24])('to %i', async (to) => {
    const count = { same: 0, doesNotRun: 0, random: 0, refused: 0 };
    const wrong: string[] = [];
    for (const file of models) {
      const model = await open(file);
      const from = model?.domainVersion('');
      if (!model || from === null || from === undefined || from >= to || isLarge(model)) continue;
      let upgraded: Model;
      try {
        upgraded = upgradeOpset(model, to).model;
      } catch (error) {
        expect(error).toBeInstanceOf(VernierError);
        console.info(file, (error as Error).message);
        count.refused++;
        continue;
      }
      let feeds = randomFeeds(model, 3, 4);
      let want = await outputs(model, feeds);
      if (typeof want === 'string') {
        feeds = randomFeeds(model, 3, 1); // integers are 0: indices that always are inside
        want = await outputs(model, feeds);
      }
      if (typeof want === 'string') {
        count.doesNotRun++;
        continue;
      }
      const got = await outputs(upgraded, feeds);
      if (typeof got === 'string') wrong.push(`${file} (${from}): ${got}`);
      else {
        const within = tolerance(model);
        const first = differs(got, want, within);
        if (!first) count.same++;
        else if (await isRandom(model, feeds, want, within)) count.random++;
        else wrong.push(`${file} (${from}): ${first}`);
      }
    }
    console.info(`opset ${to}:`, count);
    expect(wrong).toEqual([]);
    expect(count.same).toBeGreaterThan(100);
  });
});
