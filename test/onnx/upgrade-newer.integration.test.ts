/** Operators that changed after opset 17: the runtime runs both the old and the new form. */
import { describe, expect, it } from 'vitest';
import { VernierError } from '../../src/errors';
import type { NodeProto, TensorProto } from '../../src/onnx/schema';
import { upgradeOpset } from '../../src/onnx/upgrade';
import { floats, ints, model, op, type Value } from './build';
import { difference, randomFeeds, runModel } from './runner';

interface Case {
  opset: number;
  to: number;
  nodes: NodeProto[];
  x: Value;
  initializers?: TensorProto[];
  /** Operators of the upgraded graph, in order. */
  ops: string;
}

const REDUCTIONS = [
  ...['ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp', 'ReduceMax'],
  ...['ReduceMean', 'ReduceMin', 'ReduceProd', 'ReduceSumSquare'],
];
const image = [1, 4, 4, 6];
const positive = op('Abs', ['x'], ['p']);
const build = (c: Case) =>
  model({
    opset: c.opset,
    ir: 8,
    inputs: { x: c.x },
    outputs: { y: null },
    nodes: c.nodes,
    initializers: c.initializers ?? [],
  });

const grid = floats(
  'grid',
  [1, 2, 3, 2],
  [-0.9, -0.7, 0.1, 0.3, 0.8, -0.2, 0.4, 0.9, -0.3, 0.5, 1.1, -1.2],
);

const CASES: Record<string, Case> = {
  ...Object.fromEntries(
    REDUCTIONS.flatMap((type) => [
      [
        `${type} over axes`,
        {
          opset: 13,
          to: 21,
          x: image,
          nodes: [positive, op(type, ['p'], ['y'], { axes: [1, -1], keepdims: 0 })],
          ops: `Abs ${type}`,
        },
      ],
      [
        `${type} over everything`,
        {
          opset: 17,
          to: 18,
          x: image,
          nodes: [positive, op(type, ['p'], ['y'])],
          ops: `Abs ${type}`,
        },
      ],
    ]),
  ),
  'Split in halves': {
    opset: 13,
    to: 18,
    x: image,
    nodes: [op('Split', ['x'], ['a', 'b'], { axis: 3 }), op('Sub', ['a', 'b'], ['y'])],
    ops: 'Split Sub',
  },
  'Split by sizes': {
    opset: 11,
    to: 21,
    x: image,
    nodes: [op('Split', ['x'], ['y', 'b'], { axis: 3, split: [2, 4] })],
    ops: 'Split',
  },
  ...Object.fromEntries(
    ['bilinear', 'bicubic', 'nearest', ''].map((mode) => [
      `GridSample ${mode || 'by default'}`,
      {
        opset: 16,
        to: 21,
        x: [1, 2, 5, 6],
        nodes: [op('GridSample', ['x', 'grid'], ['y'], mode ? { mode } : {})],
        initializers: [grid],
        ops: 'GridSample',
      },
    ]),
  ),
  'DFT over its default axis': {
    opset: 17,
    to: 20,
    x: [2, 4, 5, 1],
    nodes: [op('DFT', ['x'], ['y'])],
    ops: 'DFT',
  },
  'DFT over axis 2 with a length, one-sided': {
    opset: 17,
    to: 21,
    x: [2, 4, 5, 1],
    nodes: [op('DFT', ['x', 'n'], ['y'], { axis: 2, onesided: 1 })],
    initializers: [ints('n', [6], [])],
    ops: 'DFT',
  },
  'Pad and Resize': {
    opset: 13,
    to: 21,
    x: image,
    nodes: [
      op('Pad', ['x', 'pads'], ['a'], { mode: 'edge' }),
      op('Resize', ['a', '', 'scales'], ['y'], {
        mode: 'linear',
        coordinate_transformation_mode: 'align_corners',
      }),
    ],
    initializers: [ints('pads', [0, 0, 1, 2, 0, 0, 0, 1]), floats('scales', [4], [1, 1, 1.5, 2])],
    ops: 'Pad Resize',
  },
};

describe('an operator that changed after opset 17, upgraded, gives what the old one gave', () => {
  it.each(Object.entries(CASES))('%s', async (_, c) => {
    const original = build(c);
    const feeds = randomFeeds(original, 5, 2);
    const want = await runModel(original, feeds);
    const upgraded = upgradeOpset(original, c.to).model;
    const got = await runModel(upgraded, feeds);
    expect(difference(got.y, want.y!, 1e-4, 1e-6)).toBeNull();
    expect(upgraded.graph.node.map((n) => n.opType).join(' ')).toBe(c.ops);
    expect(upgraded.opset).toBe(c.to);
  });
});

/** Scale and bias of a group, whose channels the page of opset 18 all scales alike. */
describe('GroupNormalization of opset 18, upgraded', () => {
  const groupNorm = (shape: Value): Case => ({
    opset: 18,
    to: 21,
    x: shape,
    nodes: [op('GroupNormalization', ['x', 's', 'b'], ['y'], { num_groups: 2 })],
    initializers: [floats('s', [2], [1.5, -2]), floats('b', [2], [0.25, 1])],
    ops: '',
  });

  it('gives what normalizing each group by hand gives', async () => {
    const original = build(groupNorm([1, 4, 3, 2]));
    const feeds = randomFeeds(original, 9, 2);
    const got = await runModel(upgradeOpset(original, 21).model, feeds);
    const x = feeds.x!.data as Float32Array;
    const y = got.y!.data as Float32Array;
    for (const [g, [scale, bias]] of [
      [1.5, 0.25],
      [-2, 1],
    ].entries() as IterableIterator<[number, [number, number]]>) {
      const own = Array.from(x.subarray(g * 12, g * 12 + 12));
      const mean = own.reduce((a, b) => a + b) / 12;
      const variance = own.reduce((a, b) => a + (b - mean) ** 2, 0) / 12;
      for (const [i, v] of own.entries())
        expect(y[g * 12 + i]).toBeCloseTo(
          ((v - mean) / Math.sqrt(variance + 1e-5)) * scale + bias,
          4,
        );
    }
  });

  it('is refused where the channels are not known', () => {
    expect(() => upgradeOpset(build(groupNorm([1, 'C', 3, 2])), 21)).toThrow(VernierError);
    expect(() => upgradeOpset(build(groupNorm([1, 'C', 3, 2])), 20)).not.toThrow();
  });
});
