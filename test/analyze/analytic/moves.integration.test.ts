/** Where moved values go: beside what the runtime does with them, and gains as the way back. */
import { describe, expect, it } from 'vitest';
import { backward, forward } from '../../../src/analyze/analytic/moves';
import { Net } from '../../../src/analyze/analytic/net';
import { inferShapes } from '../../../src/onnx/shapes';
import { GraphBuilder, randomValues } from '../../lib/graph';
import { tensors } from '../../lib/runtime';

type Case = [dims: number[], build: (g: GraphBuilder, x: string) => string];

const CASES: Record<string, Case> = {
  Transpose: [[2, 3, 4, 5], (g, x) => g.node('t', 'Transpose', [x], { perm: [2, 0, 3, 1] })],
  'Reshape that splits': [
    [2, 3, 24],
    (g, x) => g.node('r', 'Reshape', [x, g.ints('s', [2, 3, 2, 3, 4])]),
  ],
  'Reshape that joins': [[1, 4, 5, 6], (g, x) => g.node('r', 'Reshape', [x, g.ints('s', [20, 6])])],
  Unsqueeze: [[3, 4], (g, x) => g.node('u', 'Unsqueeze', [x, g.ints('a', [1])])],
  'Gather of one index': [
    [3, 2, 4],
    (g, x) => g.node('g', 'Gather', [x, g.ints('i', 2)], { axis: 0 }),
  ],
  'Gather from the end': [
    [3, 5, 4],
    (g, x) => g.node('g', 'Gather', [x, g.ints('i', -2)], { axis: 1 }),
  ],
  'the second part of a Split': [
    [2, 7, 3],
    (g, x) => {
      g.node('p', 'Split', [x, g.ints('s', [4, 3])], { axis: 1 }, ['first', 'second']);
      return 'second';
    },
  ],
};

/** Dims with some axes as places. */
const coarse = (dims: readonly number[], kept: (axis: number) => boolean) =>
  dims.map((d, axis) => (kept(axis) ? d : 1));

const product = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a, (v, i) => v * b[i]!).reduce((sum, v) => sum + v, 0);

describe('moves', () => {
  it.each(Object.entries(CASES))('%s', async (_, [dims, build]) => {
    const g = new GraphBuilder();
    const output = build(g, g.input('x', dims));
    const model = g.output(output).build();
    const net = new Net(model, inferShapes(model), new Map());
    const node = net.index.producer(output)!;
    const size = dims.reduce((a, b) => a * b, 1);
    const data = randomValues(size, 'x');
    const got = await tensors(model, [output], { x: { type: 'float32', dims, data } });
    const values = got[output]!.data as Float32Array;

    // every value a cell of its own
    const there = forward(net, node, output, { grain: dims, rows: [Float64Array.from(data)] })!;
    expect(there.grain).toEqual(got[output]!.dims);
    expect([...there.rows[0]!]).toEqual([...values]);

    // ⟨A·x, y⟩ = ⟨x, Aᵀ·y⟩
    const y = Float64Array.from(randomValues(values.length, 'y'));
    const back = backward(net, node, output, { grain: there.grain, rows: [y] })!;
    expect(back.grain).toEqual(dims);
    expect(product(data, back.rows[0]!)).toBeCloseTo(product(values, y), 10);
  });

  it('keeps cells of channels where places move', () => {
    const g = new GraphBuilder();
    const x = g.input('x', [1, 6, 24]);
    const split = g.node('r', 'Reshape', [x, g.ints('s', [1, 6, 2, 12])]);
    g.output(g.node('t', 'Transpose', [split], { perm: [0, 2, 1, 3] }));
    const model = g.build();
    const net = new Net(model, inferShapes(model), new Map());
    const row = Float64Array.from({ length: 24 }, (_, i) => i);
    const heads = forward(net, model.graph.node[0]!, 'r_out', { grain: [1, 1, 24], rows: [row] })!;
    expect(heads.grain).toEqual([1, 1, 2, 12]);
    const moved = forward(net, model.graph.node[1]!, 't_out', heads)!;
    expect(moved.grain).toEqual([1, 2, 1, 12]);
    expect([...moved.rows[0]!]).toEqual([...row]);
    const back = backward(net, model.graph.node[1]!, 't_out', moved)!;
    expect(back.grain).toEqual([1, 1, 2, 12]);
  });

  it('does not tell where a run of axes is half of channels', () => {
    const g = new GraphBuilder();
    const x = g.input('x', [3, 6, 4]);
    g.output(g.node('r', 'Reshape', [x, g.ints('s', [3, 24])]));
    const model = g.build();
    const net = new Net(model, inferShapes(model), new Map());
    const grain = coarse([3, 6, 4], (axis) => axis === 2);
    const rows = [new Float64Array(4)];
    expect(forward(net, model.graph.node[0]!, 'r_out', { grain, rows })).toBeNull();
  });

  it('does not tell of an empty tensor', () => {
    const g = new GraphBuilder();
    g.output(g.node('r', 'Reshape', [g.input('x', [0, 3, 4]), g.ints('s', [0, 12])]));
    const model = g.build();
    const net = new Net(model, inferShapes(model), new Map());
    const sketch = { grain: [1, 1, 4], rows: [new Float64Array(4)] };
    expect(forward(net, model.graph.node[0]!, 'r_out', sketch)).toBeNull();
  });

  it('leaves places that are not in a part out of the gain', () => {
    const g = new GraphBuilder();
    const x = g.input('x', [2, 8, 3]);
    g.node('p', 'Split', [x, g.ints('s', [6, 2])], { axis: 1 }, ['first', 'second']);
    g.output('second');
    const model = g.build();
    const net = new Net(model, inferShapes(model), new Map());
    const [node] = model.graph.node;
    const rows = [Float64Array.of(1, 2, 3)];
    const back = backward(net, node!, 'second', { grain: [1, 1, 3], rows })!;
    // a quarter of the places, all alike
    expect([...back.rows[0]!]).toEqual([0.5, 1, 1.5]);
  });
});
