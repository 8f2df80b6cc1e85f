import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspectModel } from '../../src/analyze/inspect';
import { weightDetail } from '../../src/analyze/weight-detail';
import {
  makeInts,
  makeNode,
  serializeModel,
  type Model,
  type NodeProto,
  type TensorProto,
} from '../../src/onnx';
import { entry } from '../../src/onnx/schema';
import { batchNormParameters, constant, graph } from './graph';

const models = path.resolve(import.meta.dirname, '../../../shared/data/models');
let folder: string;
beforeAll(async () => (folder = await mkdtemp(path.join(tmpdir(), 'vernier-'))));
afterAll(async () => rm(folder, { recursive: true, force: true }));

async function saved(name: string, model: Model): Promise<string> {
  const file = path.join(folder, `${name}.onnx`);
  await writeFile(file, serializeModel(model));
  return file;
}

function small(): Model {
  const conv = makeNode({
    opType: 'Conv',
    name: 'node_conv2d',
    inputs: ['x', 'features.0.weight'],
    outputs: ['c'],
    attributes: [makeInts('pads', [1, 1, 1, 1])],
  });
  conv.metadataProps = [
    entry('pkg.torch.onnx.name_scopes', "['', 'features', 'features.1', 'conv2d']"),
    entry(
      'pkg.torch.onnx.stack_trace',
      'File "/a/b/model.py", line 12, in forward\n  File "/a/site-packages/torch/nn/conv.py", line 5, in f',
    ),
  ];
  const bn = ['gamma', 'beta', 'mean', 'variance'].map((s) => `bn.${s}`);
  return graph({
    nodes: [
      conv,
      makeNode({ opType: 'BatchNormalization', name: 'bn', inputs: ['c', ...bn], outputs: ['b'] }),
      makeNode({ opType: 'Relu', inputs: ['b'], outputs: ['r'] }),
      makeNode({ opType: 'GlobalAveragePool', name: 'pool', inputs: ['r'], outputs: ['p'] }),
      makeNode({ opType: 'Flatten', name: 'flat', inputs: ['p'], outputs: ['f'] }),
      makeNode({ opType: 'Gemm', name: 'fc', inputs: ['f', 'fc.weight'], outputs: ['y'] }),
    ],
    inputs: { x: ['batch', 3, 8, 8] },
    outputs: { y: ['batch', 2] },
    initializers: [
      constant('features.0.weight', [4, 3, 3, 3]),
      ...batchNormParameters('bn', 4),
      constant('fc.weight', [4, 2]),
    ],
  });
}

describe('inspectModel', () => {
  it('lists layers after folding, with their kind, place and neighbours', async () => {
    const summary = await inspectModel(await saved('small', small()));
    expect(summary.nodes).toBe(6);
    expect(summary.parameters).toBe(4 * 27 + 4 * 4 + 8);
    expect(summary.inputs).toEqual([{ name: 'x', type: 'float32', shape: ['batch', 3, 8, 8] }]);
    expect(summary.layers.map((l) => [l.name, l.kind, l.predecessors])).toEqual([
      ['node_conv2d', 'Conv 3×3', []],
      ['pool', 'GlobalAveragePool', [0]],
      ['fc', 'Gemm 4→2', [1]],
    ]);
    const [conv] = summary.layers;
    expect(conv?.absorbed).toEqual(['bn', 'r']);
    expect(conv?.macs).toBe(4 * 8 * 8 * 27);
    expect(conv?.outputShape).toEqual(['batch', 4, 8, 8]);
    expect(conv?.source).toBe('features.0 (model.py:12)');
    expect(conv?.weight).toMatchObject({ axis: 0, shape: [4, 3, 3, 3] });
    expect(conv?.weight?.channelMax).toHaveLength(4);
    // γ/√(σ²+ε) of the last channel
    expect(conv?.weight?.channelMax?.[3]).toBeCloseTo((0.5 * 1.3) / Math.sqrt(1.6), 4);
    expect(summary.fusions.map((f) => [f.pattern, f.status, f.layer])).toEqual([
      ['Conv+BatchNorm+Activation', 'will', 'node_conv2d'],
    ]);
  });

  it('says the same without the runtime where no constant has to be computed', async () => {
    const file = await saved('still', small());
    expect(await inspectModel(file, { runtime: false })).toEqual(await inspectModel(file));
  });

  it.each([
    ['resnet8_cifar10.onnx', 15, 9],
    ['mobilenet_v1_0.25_224_imagenet.onnx', 30, 28],
    ['mnist_cntk.onnx', 5, 3], // the last Add is the bias of its MatMul
  ])('finds the layers of %s', async (name, layers, weights) => {
    const summary = await inspectModel(path.join(models, name));
    expect(summary.layers).toHaveLength(layers);
    expect(summary.layers.filter((l) => l.weight && l.op !== 'Gemm')).toHaveLength(weights);
    expect(summary.layers.every((l) => l.macs !== null && l.outputShape !== null)).toBe(true);
  });

  it('takes 10,000 nodes in seconds', async () => {
    const nodes: NodeProto[] = [];
    const initializers: TensorProto[] = [];
    for (let i = 0; i < 5000; i++) {
      const weight = `w${i}`;
      initializers.push(constant(weight, [4, 4, 1, 1]));
      nodes.push(
        makeNode({ opType: 'Conv', name: `c${i}`, inputs: [`t${i}`, weight], outputs: [`c${i}`] }),
        makeNode({ opType: 'Relu', name: `r${i}`, inputs: [`c${i}`], outputs: [`t${i + 1}`] }),
      );
    }
    const shape = [1, 4, 2, 2];
    const model = graph({ nodes, initializers, inputs: { t0: shape }, outputs: { t5000: shape } });
    const file = await saved('long', model);
    const start = process.cpuUsage(); // what other processes do must not matter
    const summary = await inspectModel(file);
    expect(process.cpuUsage(start).user / 1e6).toBeLessThan(8);
    expect(summary.layers).toHaveLength(5000);
    expect(summary.layers[4999]?.predecessors).toEqual([4998]);
  });
});

describe('weightDetail', () => {
  it('counts every weight once', async () => {
    const file = await saved('weights', small());
    const detail = await weightDetail(file, 'bn');
    expect(detail.layer).toBe('node_conv2d');
    expect(detail.edges).toHaveLength(detail.counts.length + 1);
    expect(detail.edges[0]).toBe(detail.min);
    expect(detail.edges.at(-1)).toBe(detail.max);
    expect(detail.counts.reduce((a, b) => a + b, 0)).toBe(108);
    expect(detail.channelTop.map((top, c) => Math.max(top, -detail.channelMin[c]!))).toEqual(
      detail.channelMax,
    );
  });

  it.each(['pool', 'nothing'])('refuses %s, which has none', async (layer) => {
    const file = await saved('refused', small());
    await expect(weightDetail(file, layer)).rejects.toMatchObject({
      code: 'model.missing-initializer',
    });
  });
});
