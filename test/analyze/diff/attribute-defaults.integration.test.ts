/** Attributes that say what their operator does anyway: the runtime gives the very same values with and without them. */
import { describe, expect, it } from 'vitest';
import { diffModels } from '../../../src/analyze/diff';
import { isDefault } from '../../../src/analyze/diff/attribute-defaults';
import { parseModel, serializeModel, type Model } from '../../../src/onnx';
import { float, GraphBuilder } from '../../lib/graph';
import { output, value } from '../../lib/runtime';

type Attributes = Record<string, number | number[] | string | ReturnType<typeof float>>;
const floats = (dims: number[]) =>
  Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 1.7));

/** A node on x [1, 4, 6, 6] (or 2-D where it wants that), with some constants behind. */
function net(op: string, dims: number[], constants: number[][], attributes: Attributes): Model {
  const b = new GraphBuilder();
  b.input('x', dims);
  const more = constants.map((shape, i) => b.constant(`c${i}`, shape, Array.from(floats(shape))));
  const model = b.output(b.node('n', op, ['x', ...more], attributes)).build();
  return parseModel(serializeModel(model)); // as files have it
}

const IMAGE = [1, 4, 6, 6];
const CASES: {
  op: string;
  dims?: number[];
  constants?: number[][];
  own?: Attributes;
  said: Attributes;
}[] = [
  {
    op: 'Conv',
    constants: [[4, 4, 3, 3]],
    said: { strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1, auto_pad: 'NOTSET' },
  },
  {
    op: 'MaxPool',
    own: { kernel_shape: [2, 2] },
    said: {
      strides: [1, 1],
      dilations: [1, 1],
      pads: [0, 0, 0, 0],
      ceil_mode: 0,
      storage_order: 0,
    },
  },
  { op: 'AveragePool', own: { kernel_shape: [2, 2] }, said: { count_include_pad: 0 } },
  {
    op: 'Gemm',
    dims: [3, 4],
    constants: [[4, 5]],
    said: { alpha: float(1), beta: float(1), transA: 0, transB: 0 },
  },
  { op: 'Softmax', said: { axis: -1 } },
  { op: 'LeakyRelu', said: { alpha: float(0.01) } },
  { op: 'Elu', said: { alpha: float(1) } },
  { op: 'HardSigmoid', said: { alpha: float(0.2), beta: float(0.5) } },
  { op: 'Flatten', said: { axis: 1 } },
  { op: 'ReduceMean', own: { axes: [2] }, said: { keepdims: 1 } },
  { op: 'DepthToSpace', own: { blocksize: 2 }, said: { mode: 'DCR' } },
  { op: 'LRN', own: { size: 3 }, said: { alpha: float(1e-4), beta: float(0.75), bias: float(1) } },
  { op: 'InstanceNormalization', constants: [[4], [4]], said: { epsilon: float(1e-5) } },
];

describe('a default', () => {
  it.each(CASES)('of $op is no change', async ({ op, dims = IMAGE, constants = [], own, said }) => {
    const silent = net(op, dims, constants, own ?? {});
    const feed = { x: value(dims, floats(dims)) };
    for (const [name, setting] of Object.entries(said)) {
      const explicit = net(op, dims, constants, { ...own, [name]: setting });
      const attribute = explicit.graph.node[0]!.attribute.find((a) => a.name === name)!;
      expect(isDefault(explicit.graph.node[0]!, attribute, explicit.opset), name).toBe(true);
      for (const [a, b] of [
        [silent, explicit],
        [explicit, silent],
      ])
        expect(
          diffModels(a!, b!).nodes.map(({ status }) => status),
          name,
        ).toEqual(['same']);
      expect(await output(explicit, feed), name).toEqual(await output(silent, feed));
    }
  });

  it.each<{ op: string; constants: number[][]; said: Attributes }>([
    { op: 'Conv', constants: [[4, 4, 3, 3]], said: { strides: [2, 2] } },
    { op: 'Conv', constants: [[4, 4, 3, 3]], said: { pads: [0, 0, 1, 0] } },
    { op: 'Softmax', constants: [], said: { axis: 1 } },
    { op: 'LeakyRelu', constants: [], said: { alpha: float(0.02) } },
  ])('is not what $op says with $said', ({ op, constants, said }) => {
    const pair = [net(op, IMAGE, constants, {}), net(op, IMAGE, constants, said)];
    expect(diffModels(pair[0]!, pair[1]!).nodes[0]).toMatchObject({ status: 'changed' });
  });

  it('of other domains, and before opset 13, is another one', () => {
    const model = net('Softmax', IMAGE, [], { axis: -1 });
    const node = model.graph.node[0]!;
    expect([12, 13].map((opset) => isDefault(node, node.attribute[0]!, opset))).toEqual([
      false,
      true,
    ]);
    node.domain = 'com.example';
    expect(isDefault(node, node.attribute[0]!, 13)).toBe(false);
  });
});
