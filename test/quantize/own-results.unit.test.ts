import { describe, expect, it } from 'vitest';
import { ownResults } from '../../src/quantize/own-results';
import { GraphBuilder } from '../lib/graph';
import { placed, type PlaceOptions } from '../lib/place';

const conv = (g: GraphBuilder, name: string, x: string) =>
  g.node(name, 'Conv', [x, g.random(`${name}.w`, [4, 4, 1, 1])]);

/** a → Relu → b → c → Sigmoid, and a shift of what the Relu gives between them. */
function chain(options: PlaceOptions = {}) {
  const g = new GraphBuilder();
  const a = g.node('relu', 'Relu', [conv(g, 'a', g.input('x', [1, 4, 8, 8]))]);
  const turned = g.node('turn', 'Transpose', [a], { perm: [0, 1, 3, 2] });
  g.output(g.node('end', 'Sigmoid', [conv(g, 'c', conv(g, 'b', turned))]));
  const { placement } = placed(g.build(), options);
  return [...ownResults(placement, placement.units)];
}

describe('the rounding of a result', () => {
  it('is the layer’s own where float follows', () => {
    expect(chain()).toEqual(['c']);
  });

  it('is its own where the layers that would read the codes are kept, however they come there', () => {
    expect(chain({ keep: new Set(['b']) })).toEqual(['a', 'c']);
    expect(chain({ keep: new Set(['b', 'c']) })).toEqual(['a']);
  });

  it('is never that of a layer whose kernel gives float', () => {
    const g = new GraphBuilder();
    const fc = g.node('fc', 'Gemm', [g.input('x', [1, 4]), g.random('fc.w', [4, 3])]);
    const { placement } = placed(g.output(fc).build());
    expect(placement.units.map((u) => u.integer)).toEqual([true]);
    expect([...ownResults(placement, placement.units)]).toEqual([]);
  });

  it('is nobody’s where a layer with 16-bit activations would be the only one to write it', () => {
    const g = new GraphBuilder();
    const { placement } = placed(g.output(conv(g, 'a', g.input('x', [1, 4, 8, 8]))).build());
    const wide = placement.units.map((u) => ({ ...u, precision: 'int16' as const }));
    expect([...ownResults(placement, wide)]).toEqual([]);
  });
});
