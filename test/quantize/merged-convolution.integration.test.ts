/** Convolutions merged with their activations: the same numbers to the bit as from two nodes, and only where they may be. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { GraphIndex, Model, type TensorProto } from '../../src/onnx';
import {
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from '../../src/onnx/gen/onnx_pb';
import { mergeActivations } from '../../src/quantize/merged-convolution';
import { float, GraphBuilder } from '../lib/graph';
import { output, outputs, randomFeed } from '../lib/runtime';

const CHANNELS = 16;

/** A convolution, and what `follow` puts behind it. */
function convThen(follow: (g: GraphBuilder, conv: string) => string, opset = 13) {
  const g = new GraphBuilder(opset);
  const weight = g.random('w', [CHANNELS, 3, 3, 3]);
  const conv = g.node('conv', 'Conv', [g.input('x', [1, 3, 9, 9]), weight, g.random('b', [16])]);
  g.output(follow(g, conv));
  return g.build();
}

const merged = (model: ReturnType<typeof convThen>) => {
  const copy = model.copy();
  copy.proto.opsetImport = copy.proto.opsetImport.filter(({ domain }) => domain === '');
  mergeActivations(copy, new GraphIndex(copy.graph));
  return copy;
};

/** A float32 scalar whose value lies in the file `limits`. */
function outside(tensor: TensorProto, offset: number): TensorProto {
  const entry = (key: string, value: string) =>
    create(StringStringEntryProtoSchema, { key, value });
  return create(TensorProtoSchema, {
    name: tensor.name,
    dataType: tensor.dataType,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [entry('location', 'limits'), entry('offset', `${offset}`), entry('length', '4')],
  });
}

const clip = (g: GraphBuilder, conv: string, low: string, high: string) =>
  g.node('clip', 'Clip', [conv, low, high]);

describe('a convolution takes in', () => {
  it.each<[string, ReturnType<typeof convThen>]>([
    ['Relu', convThen((g, conv) => g.node('a', 'Relu', [conv]))],
    ['Sigmoid', convThen((g, conv) => g.node('a', 'Sigmoid', [conv]))],
    ['Tanh', convThen((g, conv) => g.node('a', 'Tanh', [conv]))],
    ['LeakyRelu', convThen((g, conv) => g.node('a', 'LeakyRelu', [conv], { alpha: float(0.3) }))],
    ['LeakyRelu by default', convThen((g, conv) => g.node('a', 'LeakyRelu', [conv]))],
    [
      'Clip',
      convThen((g, conv) => clip(g, conv, g.constant('l', [], [-0.5]), g.constant('h', [], [1]))),
    ],
    ['Clip with one limit', convThen((g, conv) => clip(g, conv, '', g.constant('h', [], [1])))],
    [
      'Clip of opset 6',
      convThen((g, conv) => g.node('a', 'Clip', [conv], { min: float(0), max: float(6) }), 10),
    ],
  ])('%s', async (_, model) => {
    const one = merged(model);
    expect(one.graph.node.map((n) => n.opType)).toEqual(['FusedConv']);
    const feed = randomFeed(model);
    expect(await output(one, feed)).toEqual(await output(model, feed));
    expect(model.graph.node).toHaveLength(2);
  });

  it('Clip whose limits lie beside the file', async () => {
    const limits = (g: GraphBuilder) => [g.constant('l', [], [-0.5]), g.constant('h', [], [1])];
    const model = convThen((g, conv) => {
      const [low, high] = limits(g);
      return clip(g, conv, low!, high!);
    });
    const dir = mkdtempSync(path.join(tmpdir(), 'vernier-'));
    try {
      writeFileSync(path.join(dir, 'limits'), Buffer.from(Float32Array.of(-0.5, 1).buffer));
      const apart = model.copy();
      apart.graph.initializer = apart.graph.initializer.map((tensor) =>
        tensor.dims.length > 0 ? tensor : outside(tensor, 'lh'.indexOf(tensor.name) * 4),
      );
      const one = merged(new Model(apart.proto, null, dir));
      expect(one.graph.node.map((n) => n.opType)).toEqual(['FusedConv']);
      new GraphIndex(one.graph).dropUnusedInitializers();
      const feed = randomFeed(model);
      expect(await output(one, feed)).toEqual(await output(model, feed));
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('of several only what it alone is read by', async () => {
    const model = convThen((g, conv) => {
      const first = g.node('relu', 'Relu', [conv]);
      const w = () => g.random('w2', [4, CHANNELS, 1, 1]);
      const second = g.node('last', 'Conv', [first, w()]);
      return g.node('relu2', 'Relu', [second]);
    });
    const one = merged(model);
    expect(one.graph.node.map((n) => n.opType)).toEqual(['FusedConv', 'FusedConv']);
    const feed = randomFeed(model);
    expect(await output(one, feed)).toEqual(await output(model, feed));
  });
});

describe('a convolution stays as it is', () => {
  it.each<[string, ReturnType<typeof convThen>]>([
    [
      'where two nodes read it',
      convThen((g, conv) => g.node('sum', 'Add', [g.node('a', 'Relu', [conv]), conv])),
    ],
    [
      'where it is an output',
      convThen((g, conv) => {
        g.output(g.node('a', 'Relu', [conv]));
        return conv;
      }),
    ],
    ['before what is no activation', convThen((g, conv) => g.node('a', 'Exp', [conv]))],
    [
      'before limits that are computed',
      convThen((g, conv) => {
        const high = g.node('high', 'ReduceMax', ['x'], { keepdims: 0 });
        return clip(g, conv, '', high);
      }),
    ],
  ])('%s', async (_, model) => {
    const same = merged(model);
    expect(same.graph.node.map((n) => n.opType)).toEqual(model.graph.node.map((n) => n.opType));
    expect(same.domainVersion('com.microsoft')).toBeNull();
    const feed = randomFeed(model);
    expect(await outputs(same, feed)).toEqual(await outputs(model, feed));
  });
});
