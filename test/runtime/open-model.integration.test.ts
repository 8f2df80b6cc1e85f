import { mkdirSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ComputedBytes, loadModel, makeHeldTensor, saveModel, type Model } from '../../src/onnx';
import { openModel } from '../../src/runtime/open-model';
import { temporaryFolder } from '../lib/files';
import { GraphBuilder, randomValues } from '../lib/graph';
import { value } from '../lib/runtime';

const folder = temporaryFolder();
const WIDTH = 5800; // 5800² floats are 135 MB
const x = { x: value([1, WIDTH], randomValues(WIDTH, 1)) };

/** Two layers of 135 MB: more than is handed over in memory. */
function wide(weight: (name: string) => ReturnType<typeof makeHeldTensor>): Model {
  const g = new GraphBuilder();
  let y = g.input('x', [1, WIDTH]);
  for (const name of ['a', 'b']) y = g.node(name, 'MatMul', [y, g.tensor(weight(`${name}.w`))]);
  return g.output(y).build();
}

const columns = (name: string) => {
  const list = randomValues(WIDTH, name, -0.02, 0.02);
  const values = new Float32Array(WIDTH * WIDTH);
  for (let row = 0; row < WIDTH; row++)
    for (let c = 0; c < WIDTH; c++) values[row * WIDTH + c] = list[(row * 7 + c) % WIDTH]!;
  return values;
};
const computed = (name: string) =>
  makeHeldTensor(
    name,
    'float32',
    [WIDTH, WIDTH],
    new ComputedBytes(WIDTH * WIDTH * 4, () => columns(name)),
  );

async function firstOutput(model: Model, settings = {}): Promise<Float32Array> {
  const session = await openModel(model, settings);
  try {
    return (await session.run(x))['b_out']!.data as Float32Array;
  } finally {
    await session.release();
  }
}

const before = process.env.TMPDIR;
beforeAll(() => {
  mkdirSync(folder.at('tmp'));
  process.env.TMPDIR = folder.at('tmp');
});
afterAll(() => {
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
});

describe('openModel', () => {
  it('runs weights that are computed, and those that lie in a file, and leaves nothing behind', async () => {
    const model = wide(computed);
    const a = await firstOutput(model);
    const file = folder.at('wide.onnx');
    await saveModel(model, file, { weights: 'external' });
    const loaded = await loadModel(file);
    expect(await firstOutput(loaded)).toEqual(a);
    const mapped = await firstOutput(loaded, { prepack: false });
    expect(mapped.every((v, i) => Math.abs(v - a[i]!) < 1e-3)).toBe(true);
    // nor has the runtime begun to report anything
    expect(readdirSync(folder.at('tmp'))).toEqual([]);
  });
});
