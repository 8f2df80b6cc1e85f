/** The runtime makes a Gemm of MatMul and Add before it looks for integer kernels, and may leave it in float. */
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../lib/graph';
import { executed, quantize } from '../lib/quantize';
import { output, randomFeed, relativeDifference } from '../lib/runtime';

type Shape = readonly (number | string)[];

describe('an integer MatMul with a bias', () => {
  it.each<[Shape, number[]]>([
    [[5, 8], [6]],
    [['n', 8], [6]],
    [[2, 5, 8], [6]],
    [['n', 5, 8], [6]],
    [[2, 3, 5, 8], [6]],
    [[2, 5, 8], [1]],
    [[2, 5, 8], []],
  ])('%j + %j runs in integers', async (shape, dims) => {
    const g = new GraphBuilder();
    const m = g.node('m', 'MatMul', [g.input('x', shape), g.random('w', [8, 6])]);
    const add = g.node('add', 'Add', [m, g.random('b', dims)]);
    const model = g.output(g.node('relu', 'Relu', [add])).build();
    const q = await quantize(model);
    const { of } = await executed(q);
    expect(of('m').precision).toBe('int8');
    const feed = randomFeed(model);
    expect(relativeDifference(await output(q.model, feed), await output(model, feed))).toBeLessThan(
      0.03,
    );
  });

  it('whose bias two layers share', async () => {
    const g = new GraphBuilder();
    const b = g.random('b', [8]);
    const layer = (name: string, x: string) =>
      g.node(`${name}.add`, 'Add', [g.node(name, 'MatMul', [x, g.random(`${name}.w`, [8, 8])]), b]);
    const model = g.output(layer('b', layer('a', g.input('x', [2, 5, 8])))).build();
    const q = await quantize(model);
    const { of } = await executed(q);
    expect([of('a').precision, of('b').precision]).toEqual(['int8', 'int8']);
    expect(q.model.graph.initializer.map((t) => t.name)).not.toContain('b');
  });
});
