/** Node by node against one session of the same model. */
import { describe, expect, it, vi } from 'vitest';
import { loadModel, saveModel } from '../../src/onnx';
import { LayerwiseModel } from '../../src/quantize/layerwise';
import { prepare } from '../../src/quantize/prepare';
import { optimizedGraph } from '../../src/runtime/optimized';
import { Session } from '../../src/runtime/session';
import { temporaryFolder } from '../lib/files';
import { GraphBuilder } from '../lib/graph';
import { classifier } from '../lib/project';
import { outputs, randomFeed, relativeDifference } from '../lib/runtime';
import { weightOnly } from './weight-only/subject';

const folder = temporaryFolder();

/** Products, a branch that is an output too, an input that is one, and a node that reads constants alone. */
function branches() {
  const g = new GraphBuilder(21, 10);
  const x = g.input('x', [4, 64]);
  const first = g.node('first', 'MatMul', [x, g.random('w', [64, 512])]);
  const bias = g.node('bias', 'Add', [g.random('b', [512]), g.random('c', [512])]);
  g.output(g.node('sum', 'Add', [first, bias]));
  g.output(g.node('last', 'MatMul', [first, g.random('u', [512, 32])]));
  return g.build();
}

async function expectSame(model: Awaited<ReturnType<typeof loadModel>>, apart: LayerwiseModel) {
  const feed = randomFeed(model);
  const [found, exact] = [await apart.run(feed), await outputs(model, feed)];
  expect(Object.keys(found).sort()).toEqual(Object.keys(exact).sort());
  for (const [name, { data, dims }] of Object.entries(exact)) {
    expect(found[name]!.dims).toEqual(dims);
    const difference = relativeDifference(found[name]!.data as Float32Array, data as Float32Array);
    expect(difference, name).toBeLessThan(1e-5);
  }
}

describe('a model run node by node', () => {
  it.each([
    ['a classifier', classifier],
    ['branches', branches],
  ])('%s gives what a session gives', async (_, make) => {
    const { model } = await prepare(make());
    await expectSame(make(), new LayerwiseModel(model));
  });

  it('starts a second thread only for nodes that read enough to share', async () => {
    const g = new GraphBuilder(22, 10);
    const small = g.node('small', 'MatMul', [g.input('x', [1, 256]), g.random('w', [256, 16])]);
    g.output(g.node('large', 'MatMul', [small, g.random('u', [16, 1 << 14])]));
    const model = g.build();
    const feed = randomFeed(model);
    const open = vi.spyOn(Session, 'open');
    await new LayerwiseModel(model).run(feed);
    expect(open.mock.calls.map(([, settings]) => settings?.threads)).toEqual([1, 2]);
    open.mockRestore();
  });

  it('reads weights where they lie', async () => {
    const file = folder.at('beside.onnx');
    await saveModel(branches(), file, { weights: 'external' });
    const { model } = await prepare(await loadModel(file));
    await expectSame(branches(), new LayerwiseModel(model, { prepack: false }));
  });

  it('runs the nodes that the runtime made of a weight-only model', async () => {
    const { model } = await weightOnly(branches(), { type: 'int8' });
    const optimized = await optimizedGraph((await saved(model)).file!);
    expect(optimized.graph.node.some((n) => n.opType === 'MatMulNBits')).toBe(true);
    await expectSame(model, new LayerwiseModel(optimized, { optimization: 'disabled' }));
  });
});

async function saved(model: Parameters<typeof saveModel>[0]) {
  const file = folder.at('weight-only.onnx');
  await saveModel(model, file);
  return loadModel(file);
}
