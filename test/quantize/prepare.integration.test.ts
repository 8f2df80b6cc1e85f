import { describe, expect, it } from 'vitest';
import { makeTensor, makeTensorAttribute } from '../../src/onnx';
import { prepare } from '../../src/quantize/prepare';
import { GraphBuilder, printGraph, randomValues } from '../lib/graph';
import { expectSameFunction } from '../lib/runtime';

/** What exporters leave: constants as nodes and as inputs, Pad, BatchNormalization, Identity, unnamed nodes. */
function exported(opset: number) {
  const g = new GraphBuilder(opset, 3);
  const x = g.input('x', [1, 3, 6, 6]);
  g.input('w', [4, 3, 3, 3]);
  const pads = [0, 0, 1, 1, 0, 0, 1, 1];
  const padded = g.node(
    'pad',
    'Pad',
    opset < 11 ? [x] : [x, g.ints('pads', pads)],
    opset < 11 ? { pads } : {},
  );
  const conv = g.node('', 'Conv', [padded, g.random('w', [4, 3, 3, 3])], {}, ['conv_y']);
  const bn = g.node('bn', 'BatchNormalization', [
    conv,
    g.random('gamma', [4]),
    g.random('beta', [4]),
    g.random('mean', [4]),
    g.constant('variance', [4], randomValues(4, 'variance', 0.5, 2)),
  ]);
  const same = g.node('same', 'Identity', [bn]);
  const half = makeTensor('', 'float32', [], Float32Array.of(0.5));
  g.node('half', 'Constant', [], { value: makeTensorAttribute('', half) }, ['half']);
  g.output(g.node('scaled', 'Mul', [g.node('relu', 'Relu', [same]), 'half']));
  return g.build();
}
describe('prepare', () => {
  it.each([9, 13, 17])('folds what an exporter of opset %d leaves', async (opset) => {
    const source = exported(opset);
    const before = printGraph(source);
    const { model, context } = await prepare(source);
    expect(printGraph(model)).toBe(
      [
        '(x float32[1,3,6,6])',
        'conv_y: bn_out = Conv(x, conv_y.weight[4,3,3,3], conv_y.bias[4]) {pads=[1,1,1,1]}',
        'relu: relu_out = Relu(bn_out)',
        'scaled: scaled_out = Mul(relu_out, half[])',
        '→ scaled_out',
      ].join('\n'),
    );
    expect(model.opset).toBe(Math.max(13, opset));
    expect(['pad', 'bn', 'same'].map((name) => context.hostOf(name))).toEqual(
      new Array(3).fill('conv_y'),
    );
    expect(context.notes.map((n) => n.code)).toEqual([
      'constant-inputs',
      ...(opset < 13 ? ['opset-upgraded'] : []),
    ]);
    expect(printGraph(source)).toBe(before);
    await expectSameFunction(model, source);
  });

  it('sorts nodes, and names the one in a cycle', async () => {
    const g = new GraphBuilder();
    g.input('x', [1]);
    g.node('b', 'Exp', ['a_out']);
    g.node('a', 'Abs', ['x']);
    const { model } = await prepare(g.output('b_out').build());
    expect(model.graph.node.map((n) => n.name)).toEqual(['a', 'b']);
    const h = new GraphBuilder();
    h.node('c', 'Add', ['d_out', 'd_out']);
    h.node('d', 'Abs', ['c_out']);
    await expect(prepare(h.output('d_out').build())).rejects.toMatchObject({
      code: 'model.cycle',
      place: { node: 'c' },
    });
  });
});
