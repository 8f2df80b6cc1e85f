import { describe, expect, it } from 'vitest';
import { floatData, heldSource, tensorDims } from '../../../src/onnx';
import { moveConstants } from '../../../src/quantize/passes/move-constants';
import { GraphBuilder } from '../../lib/graph';
import { applied, same, untouched } from '../../lib/pass';

const ROWS = 600;
const COLUMNS = 500;

/** A layer whose weight comes through `nodes`. */
function layer(dims: number[], through: (g: GraphBuilder, w: string) => string) {
  const g = new GraphBuilder();
  const w = through(g, g.random('w', dims, 0.1));
  return g.output(g.node('fc', 'MatMul', [g.input('x', [2, ROWS]), w])).build();
}

const turned = () =>
  layer([COLUMNS, ROWS], (g, w) => g.node('turn', 'Transpose', [w], { perm: [1, 0] }));

describe('moveConstants', () => {
  it('folds the Transpose of a large weight into it, values only when they are asked for', async () => {
    expect(await same(moveConstants, turned())).toMatchInlineSnapshot(`
      "(x float32[2,600])
      fc: fc_out = MatMul(x, turn_out[600,500])
      → fc_out"
    `);
    const { after, context } = await applied(moveConstants, turned());
    const [weight] = after.graph.initializer;
    expect(heldSource(weight!)).not.toBeNull();
    expect(floatData(weight!)).toHaveLength(ROWS * COLUMNS);
    expect(context.notes.map((n) => n.code)).toEqual(['constants-folded']);
  });

  it('follows chains of reshapes', async () => {
    const chain = () =>
      layer([20, 25, 1, ROWS], (g, w) => {
        const flat = g.node('flat', 'Reshape', [w, g.ints('shape', [-1, 0, 1, ROWS])]);
        const squeezed = g.node('squeeze', 'Squeeze', [flat, g.ints('axes', [-2])]);
        const all = g.node('all', 'Reshape', [squeezed, g.ints('two', [COLUMNS, -1])]);
        const more = g.node('more', 'Unsqueeze', [all, g.ints('first', [0])]);
        const last = g.node('turn', 'Transpose', [more], { perm: [0, 2, 1] });
        return g.node('plain', 'Flatten', [last], { axis: 2 });
      });
    await same(moveConstants, chain());
    const { after } = await applied(moveConstants, chain());
    expect(after.graph.node).toHaveLength(1);
    expect(tensorDims(after.graph.initializer[0]!)).toEqual([ROWS, COLUMNS]);
  });

  it.each([[[0, 2, 1, 3]], [[3, 1, 0, 2]], [[1, 0, 3, 2]]])(
    'turns axes %j as the runtime does',
    async (perm) => {
      const g = new GraphBuilder();
      const w = g.random('w', [10, 20, 30, 50]);
      const dims = perm.map((axis) => [10, 20, 30, 50][axis]!);
      const t = g.node('turn', 'Transpose', [w], { perm });
      await same(moveConstants, g.output(g.node('add', 'Add', [g.input('x', dims), t])).build());
    },
  );

  it('does nothing for small constants, computed shapes, and outputs of the model', async () => {
    const small = layer([8, ROWS], (g, w) => g.node('turn', 'Transpose', [w], { perm: [1, 0] }));
    expect(await untouched(moveConstants, small)).toBe(true);
    const g = new GraphBuilder();
    const t = g.node('turn', 'Transpose', [g.random('w', [COLUMNS, ROWS])], { perm: [1, 0] });
    const y = g.node('fc', 'MatMul', [g.input('x', [2, ROWS]), t]);
    expect(await untouched(moveConstants, g.output(y, t).build())).toBe(true);
  });
});
