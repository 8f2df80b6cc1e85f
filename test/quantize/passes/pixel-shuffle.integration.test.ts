import { describe, expect, it } from 'vitest';
import { pixelShuffle } from '../../../src/quantize/passes/pixel-shuffle';
import { GraphBuilder } from '../../lib/graph';
import { applied, same, untouched } from '../../lib/pass';

interface Shuffle {
  input?: (number | string)[];
  split?: number[];
  perm?: number[];
  merged?: number[];
  /** Also return the value between. */
  tapped?: boolean;
}

function shuffle({
  input = [1, 8, 3, 5],
  split = [-1, 2, 2, 2, 3, 5],
  perm = [0, 1, 4, 2, 5, 3],
  merged = [-1, 2, 6, 10],
  tapped = false,
}: Shuffle = {}) {
  const g = new GraphBuilder();
  const x = g.input('x', input);
  const blocks = g.node('split', 'Reshape', [x, g.ints('s', split)]);
  const between = g.node('t', 'Transpose', [blocks], { perm });
  const y = g.node('merge', 'Reshape', [between, g.ints('m', merged)]);
  return g.output(...(tapped ? [y, between] : [y])).build();
}

describe('pixelShuffle', () => {
  it('makes one DepthToSpace of three nodes', async () => {
    expect(await same(pixelShuffle, shuffle())).toMatchInlineSnapshot(`
      "(x float32[1,8,3,5])
      t: merge_out = DepthToSpace(x) {blocksize=2, mode=CRD}
      → merge_out"
    `);
    const { context } = await applied(pixelShuffle, shuffle());
    expect(['split', 'merge'].map((name) => context.hostOf(name))).toEqual(['t', 't']);
  });

  it('takes any batch', async () => {
    const { text } = await applied(pixelShuffle, shuffle({ input: ['n', 8, 3, 5] }));
    expect(text).toContain('DepthToSpace');
  });

  it.each<[string, Shuffle]>([
    ['the axes go elsewhere', { perm: [0, 1, 4, 3, 5, 2] }],
    ['blocks are not square', { split: [-1, 4, 1, 2, 3, 5], merged: [-1, 4, 3, 10] }],
    ['the height is merged with something else', { merged: [-1, 2, 10, 6] }],
    ['the batch is folded into the channels', { input: [2, 8, 3, 5], merged: [1, 4, 6, 10] }],
    ['the value between is an output', { tapped: true }],
  ])('does nothing where %s', async (_, how) => {
    expect(await untouched(pixelShuffle, shuffle(how))).toBe(true);
  });
});
