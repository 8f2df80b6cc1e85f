import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { fusionCandidates, settleFusions } from '../../src/analyze/fusions';
import { lookAt } from '../../src/analyze/look';
import { loadModel, makeInts, makeNode, serializeModel, type NodeProto } from '../../src/onnx';
import { optimizedGraph } from '../../src/runtime/optimized';
import { batchNormParameters, constant, graph } from './graph';

const models = path.resolve(import.meta.dirname, '../../../shared/data/models');
const BN = ['gamma', 'beta', 'mean', 'variance'].map((s) => `bn.${s}`);
const IMAGE = [1, 16, 8, 8];

const conv = (name: string, input: string, output: string) =>
  makeNode({
    opType: 'Conv',
    name,
    inputs: [input, 'w'],
    outputs: [output],
    attributes: [makeInts('pads', [1, 1, 1, 1])],
  });
const node = (opType: string, name: string, inputs: string[], output: string) =>
  makeNode({ opType, name, inputs, outputs: [output] });

/** Candidates of a small graph, and what is left of them in the runtime's FP32 graph. */
async function candidates(nodes: NodeProto[], outputs = ['y']) {
  const model = graph({
    nodes,
    inputs: { x: IMAGE, r: IMAGE, b: [1, 16, 1, 1] },
    outputs: Object.fromEntries(outputs.map((o) => [o, null])),
    initializers: [constant('w', [16, 16, 3, 3]), ...batchNormParameters('bn', 16)],
  });
  const look = await lookAt(model);
  const found = fusionCandidates(look);
  // `blocked` is checked too: where we say blocked, the runtime must have left it
  const open = found.map((f) => ({ ...f, status: 'will' as const, blockedBy: null }));
  const settled = settleFusions(open, look.source, {
    all: await optimizedGraph(serializeModel(look.model)),
    written: true,
  });
  return found.map((f, i) => ({ ...f, runtime: settled[i]!.status }));
}

const sum = (a: string, b: string) => [
  node('Add', 'add', [a, b], 's'),
  node('Relu', 'relu', ['s'], 'y'),
];

describe('fusionCandidates', () => {
  it.each<[string, NodeProto[], string[], string, string | null]>([
    [
      'Conv+BatchNorm+Activation',
      [
        conv('c', 'x', 'a'),
        node('BatchNormalization', 'bn', ['a', ...BN], 'n'),
        node('Relu', 'relu', ['n'], 'y'),
      ],
      ['y'],
      'will',
      null,
    ],
    [
      'Conv+BatchNorm',
      [
        conv('c', 'x', 'a'),
        node('Identity', 'id', ['a'], 'i'),
        node('BatchNormalization', 'bn', ['i', ...BN], 'y'),
      ],
      ['y'],
      'will',
      null,
    ],
    [
      'Conv+BatchNorm',
      [
        conv('c', 'x', 'a'),
        node('BatchNormalization', 'bn', ['a', ...BN], 'y'),
        node('Sigmoid', 'spy', ['a'], 'z'),
      ],
      ['y', 'z'],
      'blocked',
      'spy',
    ],
    [
      'Conv+BatchNorm',
      [conv('c', 'x', 'a'), node('BatchNormalization', 'bn', ['a', ...BN], 'y')],
      ['y', 'a'],
      'blocked',
      'c',
    ],
    [
      'Conv+Activation',
      [conv('c', 'x', 'a'), node('Clip', 'clip', ['a'], 'y')],
      ['y'],
      'will',
      null,
    ],
    [
      'Conv+Activation',
      [conv('c', 'x', 'a'), node('Relu', 'relu', ['a'], 'y'), node('Sigmoid', 'spy', ['a'], 'z')],
      ['y', 'z'],
      'blocked',
      'spy',
    ],
    [
      'Conv+Add+Activation',
      [conv('c', 'x', 'a'), conv('d', 'r', 'e'), ...sum('a', 'e')],
      ['y'],
      'will',
      null,
    ],
    [
      'Conv+Add+Activation',
      [conv('c', 'x', 'a'), conv('d', 'a', 'e'), ...sum('a', 'e')],
      ['y'],
      'will',
      null,
    ],
    ['Conv+Add+Activation', [conv('c', 'x', 'a'), ...sum('a', 'r')], ['y'], 'blocked', 'add'],
    ['Conv+Add+Activation', [conv('c', 'x', 'a'), ...sum('b', 'a')], ['y'], 'blocked', 'add'],
    ['Conv+Add+Activation', [conv('c', 'x', 'a'), ...sum('a', 'a')], ['y'], 'blocked', 'add'],
    [
      'Conv+Add',
      [conv('c', 'x', 'a'), conv('d', 'r', 'e'), ...sum('a', 'e'), node('Exp', 'spy', ['s'], 'z')],
      ['y', 'z'],
      'will',
      null,
    ],
    [
      'Conv+Add+Activation',
      [
        conv('c', 'x', 'a'),
        node('Transpose', 't', ['r'], 'e0'),
        node('Transpose', 't2', ['e0'], 'e'),
        ...sum('a', 'e'),
      ],
      ['y'],
      'blocked',
      't2',
    ],
  ])('%s of %#', async (pattern, nodes, outputs, status, blocker) => {
    const [found] = await candidates(nodes, outputs);
    expect(found).toMatchObject({ pattern, status });
    expect(found?.blockedBy?.node ?? null).toBe(blocker);
    // a BatchNormalization that is left becomes a depthwise convolution of the blocked layout: gone by name, not fused
    if (status === 'will' || pattern !== 'Conv+BatchNorm')
      expect(found?.runtime).toBe(status === 'will' ? 'done' : 'blocked');
    expect(found?.gain).toMatch(/\.$/);
  });

  it.each([
    ['resnet8_cifar10.onnx', 10],
    ['mobilenet_v1_0.25_224_imagenet.onnx', 27],
    ['ultraface_rfb_320.onnx', 45],
    ['super_resolution_10/model.onnx', 3],
  ])('agrees with what onnxruntime makes of %s', async (name, count) => {
    const look = await lookAt(await loadModel(path.join(models, name)));
    const found = fusionCandidates(look).filter(({ pattern }) => pattern.startsWith('Conv+'));
    expect(found.filter((f) => f.status === 'will')).toHaveLength(count);
    const settled = settleFusions(found, look.source, {
      all: await optimizedGraph(serializeModel(look.model)),
      written: true,
    });
    expect(settled.filter((f) => f.status === 'done')).toHaveLength(count);
  });
});
