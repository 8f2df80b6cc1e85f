import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { VERSION } from '../../src/jobs/keys';
import { label, loadModel, parseModel, type NodeProto } from '../../src/onnx';
import { SOURCE_NODES, SOURCE_TENSOR } from '../../src/quantize/provenance';
import { temporaryFolder } from '../lib/files';
import { GraphBuilder } from '../lib/graph';
import { run } from '../lib/job';
import { project } from '../lib/project';
import { serializeModel } from '../../src/onnx';

const folder = temporaryFolder();
const property = (node: NodeProto, key: string) =>
  node.metadataProps.find((e) => e.key === key)?.value;

describe('a written file', () => {
  it('was checked, run on a sample of the data and compared', async () => {
    const { recipePath, write } = await project(folder, 'checked');
    write();
    const { result } = await run(recipePath, { until: 'quantize' });
    expect(result.verification).toMatchObject({ ranOn: 'data', notRun: null });
    expect(result.verification!.worstDb).toBeGreaterThan(15);
    expect(result.verification!.nodes).toBeGreaterThan(10);
  });

  it('is run on a random sample where there is no data', async () => {
    const { recipePath, write } = await project(folder, 'random');
    write({
      calibration: undefined,
      evaluate: undefined,
      quantization: { mode: 'dynamic' },
    });
    const { result } = await run(recipePath, { until: 'quantize' });
    expect(result.verification).toMatchObject({ ranOn: 'random', notRun: null });
    expect(result.verification!.worstDb).toBeGreaterThan(15);
  });

  it('says why it was not run where shapes are open', async () => {
    const { recipePath, write, put, at } = await project(folder, 'open');
    const g = new GraphBuilder();
    g.output(g.node('fc', 'MatMul', [g.input('x', [1, 'length', 4]), g.random('w', [4, 3])]));
    put('net.onnx', serializeModel(g.build()));
    write({
      calibration: undefined,
      evaluate: undefined,
      quantization: { mode: 'dynamic' },
    });
    const { result } = await run(recipePath, { until: 'quantize' });
    expect(existsSync(at('net.int8.onnx'))).toBe(true);
    expect(result.verification).toMatchObject({ ranOn: null, worstDb: null });
    expect(result.verification!.notRun).toContain('length');
  });

  it('says which nodes of the source each of its nodes answers for', async () => {
    const { recipePath, write, at } = await project(folder, 'sources');
    write();
    await run(recipePath, { until: 'quantize' });
    const source = await loadModel(at('net.onnx'));
    const written = parseModel(readFileSync(at('net.int8.onnx')));
    const names = written.graph.node.flatMap(
      (n) => JSON.parse(property(n, SOURCE_NODES) ?? '[]') as string[],
    );
    expect(names.toSorted()).toEqual(source.graph.node.map(label).toSorted());
    const linear = written.graph.node.filter((n) => /^(Deq|Q)uantizeLinear$/.test(n.opType));
    const tensors = new Set([
      'image',
      ...source.graph.initializer.map((t) => t.name),
      ...source.graph.node.flatMap((n) => n.output),
    ]);
    expect(linear.length).toBeGreaterThan(8);
    for (const node of linear) expect(tensors).toContain(property(node, SOURCE_TENSOR));
  });

  it('holds versions, hashes and the recipe that it can be made from again', async () => {
    const { recipePath, write, at } = await project(folder, 'described');
    write();
    await run(recipePath, { until: 'quantize' });
    const first = readFileSync(at('net.int8.onnx'));
    const model = parseModel(first);
    expect(model.metadata('vernier.version')).toBe(VERSION);
    const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(VERSION).toBe(manifest.version);
    expect(model.metadata('vernier.source.sha256')).toMatch(/^[0-9a-f]{64}$/);
    const recipe = JSON.parse(model.metadata('vernier.recipe')!) as Record<string, never>;
    expect(recipe).toMatchObject({ calibration: { data: ['calibration.npy'] } });
    // what does not change the bytes is no part of it
    write({ limits: { sqnr_db: 1 }, latency: { pairs: 7 } });
    await run(recipePath, { until: 'quantize' });
    expect(readFileSync(at('net.int8.onnx')).equals(first)).toBe(true);
  });
});
