import { mkdirSync, readdirSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { isExternal, saveModel, serializeModel } from '../../src/onnx';
import { measurePairs } from '../../src/runtime/latency';
import { openOptimized, optimizedGraph } from '../../src/runtime/optimized';
import { runtimeVersion, Session } from '../../src/runtime/session';
import { openTapped, withTaps } from '../../src/runtime/taps';
import { temporaryFolder } from '../lib/files';
import { GraphBuilder, printGraph } from '../lib/graph';
import { randomFeed, tensors, value } from '../lib/runtime';

const folder = temporaryFolder();

/** x → Abs → Neg → Exp */
function chain() {
  const g = new GraphBuilder();
  const a = g.node('a', 'Abs', [g.input('x', [1, 2])]);
  g.output(g.node('e', 'Exp', [g.node('n', 'Neg', [a])]));
  return g.build();
}
const X = { x: value([1, 2], [-1, 2]) };

describe('Session', () => {
  it('says its inputs and outputs and runs', async () => {
    const session = await Session.open(serializeModel(chain()));
    expect([session.inputs, session.outputs]).toEqual([['x'], ['e_out']]);
    const { e_out } = await session.run(X);
    expect(e_out).toMatchObject({ type: 'float32', dims: [1, 2] });
    expect((e_out!.data as Float32Array)[1]).toBeCloseTo(Math.exp(-2), 6);
    await session.release();
  });

  it('opens files', async () => {
    const file = folder.at('chain.onnx');
    await saveModel(chain(), file);
    const session = await Session.open(file, { threads: 2, optimization: 'disabled' });
    expect(Object.keys(await session.run(X, ['e_out']))).toEqual(['e_out']);
    await session.release();
  });

  it.each([
    ['bytes', () => new TextEncoder().encode('hello, world'), undefined],
    ['file', () => folder.put('garbage.onnx', 'hello, world'), 'garbage.onnx'],
    ['file that is not there', () => folder.at('gone.onnx'), 'gone.onnx'],
  ])('refuses garbage in a %s', async (_, make, file) => {
    const error = await Session.open(make()).catch((e: unknown) => e);
    expect(error).toMatchObject({
      code: 'model.does-not-load',
      place: { remedy: expect.any(String) },
    });
    expect((error as { place: { file?: string } }).place.file?.split(/[\\/]/).at(-1)).toBe(file);
  });

  it('names the node that stops the runtime', async () => {
    const g = new GraphBuilder();
    const sizes = g.input('s', [2], 'int64');
    g.output(g.node('reshape', 'Reshape', [g.input('x', [1, 2]), sizes]));
    const session = await Session.open(serializeModel(g.build()));
    const s = { type: 'int64', dims: [2], data: BigInt64Array.of(3n, 5n) } as const;
    await expect(session.run({ ...X, s })).rejects.toMatchObject({
      code: 'model.does-not-run',
      place: { node: 'reshape' },
    });
    await session.release();
  });

  it('fetches the tensors where other outputs are none, and refuses where none is', async () => {
    const withList = (...others: string[]) => {
      const g = new GraphBuilder();
      const x = g.input('x', [1, 2]);
      g.output(g.node('list', 'SequenceConstruct', [x, x]));
      for (const name of others) g.output(g.node(name, 'Abs', [x]));
      const model = g.build();
      model.graph.output[0]!.type = undefined; // a sequence: the runtime finds that out
      return Session.open(serializeModel(model));
    };
    const both = await withList('a');
    expect(both.tensorOutputs).toEqual(['a_out']);
    expect(Object.keys(await both.run(X))).toEqual(['a_out']);
    await both.release();
    const none = await withList();
    await expect(none.run(X)).rejects.toMatchObject({
      code: 'model.does-not-run',
      place: { tensor: 'list_out' },
    });
    await none.release();
  });

  it('names the input that the data lacks', async () => {
    const session = await Session.open(serializeModel(chain()));
    await expect(session.run({})).rejects.toMatchObject({
      code: 'data.missing-input',
      place: { tensor: 'x' },
    });
    await session.release();
  });

  it('passes on what the runtime says of wrong shapes', async () => {
    const session = await Session.open(serializeModel(chain()));
    await expect(session.run({ x: value([1, 3], [1, 2, 3]) })).rejects.toMatchObject({
      code: 'model.does-not-run',
    });
    await session.release();
  });

  it('writes a profile where it was told to', async () => {
    const session = await Session.open(serializeModel(chain()), {
      profilePrefix: folder.at('profile'),
    });
    await session.run(X);
    session.endProfiling();
    await session.release();
    expect(readdirSync(folder.dir).some((f) => f.startsWith('profile'))).toBe(true);
  });

  it('knows its version', () => expect(runtimeVersion()).toMatch(/^1\.\d+\.\d+/));
});

describe('optimizedGraph', () => {
  it('is what the runtime executes, and leaves no file behind', async () => {
    const g = new GraphBuilder();
    const c = g.node('c', 'Conv', [g.input('x', [1, 3, 8, 8]), g.random('w', [4, 3, 3, 3])]);
    g.output(g.node('r', 'Relu', [g.node('i', 'Identity', [c])]));
    const temporary = folder.at('temporary');
    mkdirSync(temporary);
    for (const name of ['TMPDIR', 'TEMP', 'TMP']) vi.stubEnv(name, temporary);
    const optimized = await optimizedGraph(serializeModel(g.build()));
    expect(readdirSync(temporary)).toEqual([]);
    vi.unstubAllEnvs();
    const ops = optimized.graph.node.map((n) => n.opType);
    expect(ops).toContain('Conv');
    expect(ops).not.toContain('Identity');
    expect(ops).not.toContain('Relu'); // fused into the convolution
  });

  it('leaves the graph alone where optimizations are off', async () => {
    const optimized = await optimizedGraph(serializeModel(chain()), { optimization: 'disabled' });
    expect(optimized.graph.node.map((n) => n.opType)).toEqual(['Abs', 'Neg', 'Exp']);
  });

  it('comes with the session that executes it, its weights on disk', async () => {
    const g = new GraphBuilder();
    const c = g.node('c', 'Conv', [g.input('x', [1, 8, 8, 8]), g.random('w', [64, 8, 3, 3])]);
    g.output(g.node('r', 'Relu', [c]));
    const model = g.build();
    const [file, beside] = [folder.at('opened.onnx'), folder.at('beside')];
    await saveModel(model, file);
    mkdirSync(beside);
    const { session, graph } = await openOptimized(beside, file);
    const weight = graph.graph.initializer.find((t) => t.dims.length === 4)!;
    expect([isExternal(weight), readdirSync(beside).toSorted()]).toEqual([
      true,
      ['optimized.data', 'optimized.onnx'],
    ]);
    const [feed, plain] = [randomFeed(model), await Session.open(file)];
    expect(await session.run(feed)).toEqual(await plain.run(feed));
    await session.release();
    await plain.release();
  });

  it('fails as loading fails', async () => {
    await expect(optimizedGraph(new Uint8Array([1, 2, 3]))).rejects.toMatchObject({
      code: 'model.does-not-load',
    });
  });
});

describe('taps', () => {
  it('adds inner tensors as outputs of a copy, each once', () => {
    const model = chain();
    const text = printGraph(model);
    const { model: copy, tapped } = withTaps(model, ['n_out', 'a_out', 'n_out', 'e_out', 'gone']);
    expect(tapped).toEqual(['n_out', 'a_out', 'e_out']);
    expect(copy.graph.output.map((v) => v.name)).toEqual(['e_out', 'n_out', 'a_out']);
    expect(printGraph(model)).toBe(text);
  });

  it('reads them', async () => {
    const { a_out, n_out } = await tensors(chain(), ['a_out', 'n_out'], X);
    expect(a_out!.data).toEqual(Float32Array.of(1, 2));
    expect(n_out!.data).toEqual(Float32Array.of(-1, -2));
  });

  it('reads inputs of the model from no session', async () => {
    const { session, tapped } = await openTapped(chain(), ['x']);
    expect(tapped).toEqual([]);
    await session.release();
  });
});

describe('measurePairs', () => {
  it('times both models pair by pair, as often as asked', async () => {
    const file = folder.at('timed.onnx');
    await saveModel(chain(), file);
    const settings = { threads: 1, pairs: 7, seconds: 0.001 };
    const { reference, candidate, threads } = await measurePairs(file, file, X, settings);
    expect(reference.length).toBeGreaterThanOrEqual(5);
    expect(candidate).toHaveLength(reference.length);
    expect([...reference, ...candidate].every((ms) => ms > 0)).toBe(true);
    expect(threads).toBe(1);
  });

  it('fails as loading fails', async () => {
    const file = folder.put('bad.onnx', 'x');
    const settings = { threads: 1, pairs: 1, seconds: 0 };
    await expect(measurePairs(file, file, X, settings)).rejects.toMatchObject({
      code: 'model.does-not-load',
    });
  });
});
