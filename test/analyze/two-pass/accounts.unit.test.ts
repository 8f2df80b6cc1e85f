/** Whose the noise is, by hand: what was measured at every layer, on a graph of two branches. */
import { expect, it } from 'vitest';
import { carrying } from '../../../src/analyze/analytic/gain';
import { Net } from '../../../src/analyze/analytic/net';
import { powersOf } from '../../../src/analyze/analytic/power';
import { noiseAccounts } from '../../../src/analyze/two-pass/accounts';
import type { LayerPasses } from '../../../src/analyze/two-pass/passes';
import { inferShapes } from '../../../src/onnx/shapes';
import type { Unit } from '../../../src/quantize/units';
import { GraphBuilder } from '../../lib/graph';

/** a, then b = 2·a and c = a, and their sum. */
function branches() {
  const g = new GraphBuilder();
  const times = (name: string, x: string, factor: number) => {
    const eye = Float32Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? factor : 0));
    return g.node(name, 'MatMul', [x, g.constant(`${name}.w`, [4, 4], eye)]);
  };
  const a = times('a', g.input('x', [1, 4]), 1);
  return g.output(g.node('sum', 'Add', [times('b', a, 2), times('c', a, 1)])).build();
}

function accounts(ownResult: number | null = null) {
  const model = branches();
  const net = new Net(model, inferShapes(model), new Map());
  const layer = (name: string, arrived: number, made: number): LayerPasses => ({
    unit: { name, output: `${name}_out` } as Unit,
    integer: name !== 'sum',
    ownResult: name === 'c' ? ownResult : null,
    made: { power: made, shares: null, coherence: null },
    arrived,
  });
  return noiseAccounts({
    net,
    carry: carrying(net, powersOf(net)),
    layers: [layer('a', 1, 1), layer('b', 5, 1), layer('c', 4, 3), layer('sum', 9, 2)],
    outputs: new Map([['sum_out', { signal: 90, noise: 9 }]]),
  });
}

it('each layer has what it makes, and of the rest its part of what came in', () => {
  const found = accounts();
  // of b's 5 four are a's, of c's 4 one; a float layer makes none
  expect([...found.keys()].sort()).toEqual(['a', 'b', 'c']);
  expect(found.get('a')).toBeCloseTo(5 / 90, 9);
  expect(found.get('b')).toBeCloseTo(1 / 90, 9);
  expect(found.get('c')).toBeCloseTo(3 / 90, 9);
});

it('the rounding of a result stands for itself, behind what was measured before it', () => {
  const found = accounts(9);
  // 5 from b, 4 from c and 9 from its rounding are half of each and the other half
  expect(found.get('c (result)')).toBeCloseTo(4.5 / 90, 9);
  expect(found.get('a')).toBeCloseTo(2.5 / 90, 9);
  expect([...found.values()].reduce((a, b) => a + b, 0)).toBeCloseTo(0.1, 9);
});
